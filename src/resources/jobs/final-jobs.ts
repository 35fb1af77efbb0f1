import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { LRUCache } from 'lru-cache';
import { digestTag, matchesNone } from '../../http/entity-tag.ts';
import { preferredWait } from '../../http/prefer.ts';
import { tenantOf } from '../../http/principal.ts';
import { withHook } from '../../http/with-hook.ts';
import { workspaceOf } from '../own-workspace.ts';
import { isFinal } from './store.ts';

const JOB = '/v1/jobs/:id';
/** A record that has ended may be kept, but has to be asked for: its labels change, and it may be deleted. */
const REVALIDATED = 'private, no-cache';

/** A thousand of the longest job records. */
const MAX_BYTES = 32 * 2 ** 20;

/** What another process changes, labels or all, is seen here after this at most. */
const REMEMBERED_MS = 2_000;

/** A record as it is sent. */
export interface FinalJob {
  readonly json: string;
  readonly etag: string;
}

/** Takes the place of what was changed, so that no one who read it before the change puts the old one back. */
const CHANGED: FinalJob = { json: '', etag: '' };

/**
 * Jobs that have ended, as the text that is sent: most who ask for a job ask again and again, and the record of one that
 * has ended is read, parsed and written out for nothing.
 */
export class FinalJobs {
  private readonly answers = new LRUCache<string, FinalJob>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ json }, key) => 2 * json.length + key.length + 200,
    ttl: REMEMBERED_MS,
  });

  get(tenant: string, jobId: string): FinalJob | undefined {
    const found = this.answers.get(`${tenant}/${jobId}`);
    return found === CHANGED ? undefined : found;
  }

  /** Remembers the record of a job that has ended, unless it was changed a moment ago. */
  put(tenant: string, jobId: string, record: object): FinalJob {
    const json = JSON.stringify(record);
    const key = `${tenant}/${jobId}`;
    const answer = { json, etag: digestTag(json) };
    if (this.answers.get(key) !== CHANGED) this.answers.set(key, answer);
    return answer;
  }

  /** The job was changed or removed in this process. */
  forget(tenant: string, jobId: string): void {
    this.answers.set(`${tenant}/${jobId}`, CHANGED);
  }
}

type JobRequest = FastifyRequest<{ Params: { id: string } }>;

/** Answers with the current state of a job; immediately if it has ended and was read a moment ago. */
export function answerCurrentJob(
  finals: FinalJobs,
  request: JobRequest,
  reply: FastifyReply,
): FastifyReply | Promise<FastifyReply> | undefined {
  const { id } = request.params;
  const known = finals.get(tenantOf(request), id);
  if (!known) return readJob(finals, request, reply);
  // Nothing is returned: Fastify would wait for what it has sent already.
  sendFinal(known, request, reply);
  return undefined;
}

/** Forgets a job when it is changed through one of these routes, before its client hears of it. */
export const forgetWhenChanged =
  (finals: FinalJobs) =>
  (route: RouteOptions): void => {
    if (route.method === 'GET' || route.method === 'HEAD' || !route.url.startsWith(JOB)) return;
    withHook(route, 'onSend', async (request: JobRequest, _reply: FastifyReply, payload: unknown) => {
      // A request that was refused a key has no principal.
      if (request.principal) finals.forget(tenantOf(request), request.params.id);
      return payload;
    });
  };

async function readJob(finals: FinalJobs, request: JobRequest, reply: FastifyReply): Promise<FastifyReply> {
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
