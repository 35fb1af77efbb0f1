import type { FastifyReply, FastifyRequest } from 'fastify';
import type { JobRecord } from '../../contract/job.ts';
import { MAX_WAIT_SECONDS, preferredWaitSeconds } from '../../http/prefer.ts';
import type { JobService } from './service.ts';
import { isFinal } from './store.ts';

export const PREFER_DESCRIPTION =
  `\`wait=N\` (RFC 7240) waits up to N seconds, at most ${MAX_WAIT_SECONDS}, for the job: 200 with the finished ` +
  'job, or 202 as without it when that was not enough.';

export const FINISHED =
  'Finished: while the client waited, or at once, as its work was done before (`reused`)';
export const ACCEPTED = 'Accepted, durably';

/**
 * Answers with a job that was asked for: 202 at once, or 200 when it has ended: because the client prefers to wait and
 * it does in time, or because its work was done before.
 */
export async function answerJob(
  request: FastifyRequest,
  reply: FastifyReply,
  jobs: JobService,
  accepted: JobRecord,
): Promise<FastifyReply> {
  const seconds = preferredWaitSeconds(request.headers.prefer);
  if (seconds > 0) reply.header('preference-applied', `wait=${seconds}`);
  const job = seconds > 0 ? await jobs.wait(accepted.id, seconds * 1000) : accepted;
  return reply
    .code(isFinal(job) ? 200 : 202)
    .headers({ location: `/v1/jobs/${job.id}`, 'cache-control': 'no-store', vary: 'prefer' })
    .send(job);
}
