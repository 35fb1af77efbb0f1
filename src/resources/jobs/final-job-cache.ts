import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { LRUCache } from 'lru-cache';
import { digestTag, matchesNone } from '../../http/entity-tag.ts';
import { preferredWait } from '../../http/prefer.ts';
import { tenantOf } from '../../http/principal.ts';
import { REVALIDATED } from '../../http/send-file.ts';
import { withHook } from '../../http/with-hook.ts';
import { workspaceOf } from '../own-workspace.ts';
import { isFinal } from './store.ts';

const JOB = '/v1/jobs/:id';
/** Room for a thousand of the longest job records. */
const MAX_BYTES = 32 * 2 ** 20;

/** The longest time until a change by another process, such as new labels, is visible here. */
const CACHE_MS = 2_000;

/** A record as it is sent. */
export interface FinalJob {
  readonly json: string;
  readonly etag: string;
}

/**
 * Replaces the entry of a changed job, so that a reader who read it before the change does not put the old one back.
 */
const CHANGED: FinalJob = { json: '', etag: '' };

/**
 * The responses for ended jobs, as text. Clients often request the same job again and again, and its record would be
 * read, parsed and serialised in vain each time.
 */
export class FinalJobCache {
  private readonly answers = new LRUCache<string, FinalJob>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ json }, key) => 2 * json.length + key.length + 200,
    ttl: CACHE_MS,
  });

  get(tenant: string, jobId: string): FinalJob | undefined {
    const found = this.answers.get(`${tenant}/${jobId}`);
    return found === CHANGED ? undefined : found;
  }

  /** Stores the record of an ended job, unless it has just been changed. */
  put(tenant: string, jobId: string, record: object): FinalJob {
    const json = JSON.stringify(record);
    const key = `${tenant}/${jobId}`;
    const answer = { json, etag: digestTag(json) };
    if (this.answers.get(key) !== CHANGED) this.answers.set(key, answer);
    return answer;
  }

  /** Notes that this process has changed or removed the job. */
  forget(tenant: string, jobId: string): void {
    this.answers.set(`${tenant}/${jobId}`, CHANGED);
  }
}

type JobRequest = FastifyRequest<{ Params: { id: string } }>;

/** Answers with the current state of a job; immediately if it has ended and was read a moment ago. */
export function sendCurrentJob(
  finals: FinalJobCache,
  request: JobRequest,
  reply: FastifyReply,
): FastifyReply | Promise<FastifyReply> | undefined {
  const { id } = request.params;
  const known = finals.get(tenantOf(request), id);
  if (!known) return readJob(finals, request, reply);
  // Returns nothing; otherwise Fastify would wait for a response that has already been sent.
  sendFinal(known, request, reply);
  return undefined;
}

/** Forgets a job that is changed through one of these routes, before its client gets the response. */
export const invalidateOnChange =
  (finals: FinalJobCache) =>
  (route: RouteOptions): void => {
    if (route.method === 'GET' || route.method === 'HEAD' || !route.url.startsWith(JOB)) return;
    withHook(route, 'onSend', async (request: JobRequest, _reply: FastifyReply, payload: unknown) => {
      // A request whose key was refused has no principal.
      if (request.principal) finals.forget(tenantOf(request), request.params.id);
      return payload;
    });
  };

async function readJob(
  finals: FinalJobCache,
  request: JobRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { id } = request.params;
  const { jobs } = workspaceOf(request);
  const wait = preferredWait(request, reply);
  const record = await (wait ? jobs.wait(id, wait.timeoutMs, wait.signal) : jobs.get(id));
  return isFinal(record)
    ? sendFinal(finals.put(tenantOf(request), id, record), request, reply)
    : reply.header('cache-control', 'no-store').send(record);
}

function sendFinal({ json, etag }: FinalJob, request: JobRequest, reply: FastifyReply): FastifyReply {
  reply.header('etag', etag).header('cache-control', REVALIDATED);
  if (matchesNone(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.header('content-type', 'application/json; charset=utf-8').send(json);
}
