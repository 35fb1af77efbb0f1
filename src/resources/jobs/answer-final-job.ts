import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { matchesNone } from '../../http/entity-tag.ts';
import { principalOf } from '../../http/principal.ts';
import { withHook } from '../../http/with-hook.ts';
import { workspaceOf } from '../own-workspace.ts';
import type { FinalJob, FinalJobs } from './final-jobs.ts';
import { isFinal } from './store.ts';

type JobRequest = FastifyRequest<{ Params: { id: string } }>;

const JOB = '/v1/jobs/:id';

/** A record that has ended may be kept, but has to be asked for: its labels change, and it may be deleted. */
const REVALIDATED = 'private, no-cache';

/** Answers with a job as it stands: at once where it has ended and was asked for a moment ago. */
export function answerCurrentJob(
  finals: FinalJobs,
  request: JobRequest,
  reply: FastifyReply,
): FastifyReply | Promise<FastifyReply> | undefined {
  const { id } = request.params;
  const known = finals.get(principalOf(request).tenant, id);
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
      if (request.principal) finals.forget(request.principal.tenant, request.params.id);
      return payload;
    });
  };

async function readJob(finals: FinalJobs, request: JobRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { id } = request.params;
  const record = await workspaceOf(request).jobs.get(id);
  return isFinal(record)
    ? sendFinal(finals.put(principalOf(request).tenant, id, record), request, reply)
    : reply.header('cache-control', 'no-store').send(record);
}

function sendFinal({ json, etag }: FinalJob, request: JobRequest, reply: FastifyReply): FastifyReply {
  reply.header('etag', etag).header('cache-control', REVALIDATED);
  if (matchesNone(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.header('content-type', 'application/json; charset=utf-8').send(json);
}
