import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { CheckpointRecord } from '../../contract/run.ts';
import { MAX_WAIT_SECONDS, preferredWaitSeconds } from '../../http/prefer.ts';
import type { RunService } from './service.ts';

export const CHECKPOINT_PREFER = Type.Object({
  prefer: Type.Optional(
    Type.String({
      description:
        `\`wait=N\` (RFC 7240) waits up to N seconds, at most ${MAX_WAIT_SECONDS}, for the squeeze: 200 with the ` +
        'finished checkpoint, or 202 as without it when that was not enough.',
      examples: ['wait=30'],
    }),
  ),
});

/** Answers with a checkpoint: 200 when it is decided for good, else 202, at once or after the wait the client prefers. */
export async function answerCheckpoint(
  request: FastifyRequest,
  reply: FastifyReply,
  runs: RunService,
  accepted: CheckpointRecord,
): Promise<FastifyReply> {
  const seconds = preferredWaitSeconds(request.headers.prefer);
  if (seconds > 0) reply.header('preference-applied', `wait=${seconds}`);
  const record = seconds > 0 ? await runs.wait(accepted, seconds * 1000) : accepted;
  const isUnderWay = record.state === 'queued' || record.state === 'active';
  return reply
    .code(isUnderWay ? 202 : 200)
    .headers({
      location: `/v1/runs/${record.run_id}/checkpoints/${record.step}`,
      'cache-control': 'no-store',
      vary: 'prefer',
    })
    .send(record);
}
