import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { BatchRecord } from '../../contract/batch.ts';
import { ignoring } from '../../errors/app-error.ts';
import { preferredWait } from '../../http/prefer.ts';
import { LOCATION, reference, response } from '../../http/schemas.ts';
import type { StoredResponse } from '../../http/stored-response.ts';
import { priorityCeiling } from '../jobs/priority-ceiling.ts';
import { submitWithinQueueLimit } from '../jobs/queued-jobs.ts';
import { workspaceOf } from '../own-workspace.ts';
import type { WithinQueueLimit } from './accept-batch.ts';
import { BATCH_EXAMPLE } from './examples.ts';
import type { AcceptConditions } from './intake.ts';

export const BatchPath = Type.Object({
  id: Type.String({ description: 'Id of a batch', examples: [BATCH_EXAMPLE.id] }),
});

/** The responses of calls that create a batch. */
export const CREATE_BATCH_RESPONSES = {
  200: response(
    'The batch has ended: while the client waited, or immediately because all its work was already done or no ' +
      'item could be tried',
    reference(BatchRecord),
    { headers: LOCATION },
  ),
  202: response('The batch is stored durably', reference(BatchRecord), { headers: LOCATION }),
};

/**
 * The conditions for the caller's batches: the limit of jobs of the tenant, and the highest priority that is allowed.
 */
export async function acceptConditionsOf(request: FastifyRequest): Promise<AcceptConditions> {
  const withinQueueLimit: WithinQueueLimit = (jobs, accept) =>
    jobs === 0 ? accept() : submitWithinQueueLimit(workspaceOf(request), jobs, accept);
  return {
    id: request.idempotent?.idOf('batch'),
    ceiling: await priorityCeiling(request, workspaceOf(request)),
    withinQueueLimit,
  };
}

/** Answers with a requested batch: 202, or 200 if it has ended, for which the client may prefer to wait. */
export async function sendBatch(
  request: FastifyRequest,
  reply: FastifyReply,
  accepted: BatchRecord,
): Promise<FastifyReply> {
  const wait = preferredWait(request, reply);
  const batch = wait ? await workspaceOf(request).batches.wait(accepted.id, wait.timeoutMs) : accepted;
  return reply
    .code(batch.finished_at === null ? 202 : 200)
    .headers({ location: `/v1/batches/${batch.id}`, 'cache-control': 'no-store', vary: 'prefer' })
    .send(batch);
}

/** The current state of the batch that the first of several equal requests created. */
export async function sendBatchAgain(
  request: FastifyRequest,
  reply: FastifyReply,
  { body }: StoredResponse,
): Promise<FastifyReply | undefined> {
  const { id } = JSON.parse(body) as BatchRecord;
  const batch = await workspaceOf(request).batches.get(id).catch(ignoring('BATCH_NOT_FOUND'));
  return batch && sendBatch(request, reply, batch);
}
