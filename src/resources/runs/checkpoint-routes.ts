import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { CheckpointRecord } from '../../contract/run.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { UploadHeaders } from '../../http/multipart/multipart-schema.ts';
import { PreferHeader, preferredWait } from '../../http/prefer.ts';
import { asComponent, LOCATION, problems, reference, response } from '../../http/schemas.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { receiveAdapter, type UploadDependencies } from '../adapters/upload/receive-adapter.ts';
import { priorityCeiling } from '../jobs/priority-ceiling.ts';
import { checkQueuedJobs, QUEUED_JOBS_ERRORS } from '../jobs/queued-jobs.ts';
import { workspaceOf } from '../own-workspace.ts';
import { CHECKPOINT_BODY, checkpointFields, checkpointParts } from './checkpoint-body.ts';
import { CHECKPOINT_EXAMPLE } from './examples.ts';
import { RunPath } from './routes.ts';
import { RUN_ERRORS, type RunService } from './service.ts';

const DIGITS = /^\d{1,10}$/;

const CheckpointPath = Type.Object({
  ...RunPath.properties,
  step: Type.Integer({ minimum: 0, maximum: 1e9, description: 'Step of the checkpoint' }),
});

/** Routes to send and read the checkpoints of a run. */
export const checkpointRoutes: FastifyPluginAsyncTypebox<{
  deps: UploadDependencies & { readonly metrics: Pick<Metrics, 'checkpointDecided'> };
}> = async (app, { deps }) => {
  app.addSchema({ ...asComponent(CheckpointRecord), examples: [CHECKPOINT_EXAMPLE] });

  app.post(
    '/v1/runs/:id/checkpoints',
    {
      config: { accepts: 'multipart/form-data' },
      schema: {
        operationId: 'createCheckpoint',
        tags: ['annealing'],
        summary: 'Send a checkpoint and get the adapter to continue with',
        description:
          'The response has the decision `keep`, because there is nothing to squeeze, or the checkpoint ' +
          'is squeezed as a job. Sending the same checkpoint again, even at the same time, returns the ' +
          'same response; a failed one is tried again. The parts may come in any order.',
        headers: Type.Object({ ...PreferHeader.properties, ...UploadHeaders.properties }),
        params: RunPath,
        multipart: checkpointParts,
        response: {
          200: response(
            'The decision is keep, or the squeeze ended while the client waited',
            reference(CheckpointRecord),
            {
              headers: LOCATION,
            },
          ),
          202: response(
            'The checkpoint is stored durably and is being squeezed',
            reference(CheckpointRecord),
            {
              headers: LOCATION,
            },
          ),
          ...problems(
            ...codesOfGroups('upload'),
            'VALIDATION_FAILED',
            ...RUN_ERRORS.add,
            ...QUEUED_JOBS_ERRORS,
          ),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const workspace = workspaceOf(request);
      const { runs } = workspace;
      await runs.check(id);
      // Checked although the checkpoint may not be squeezed, because a refusal after the upload would waste it.
      await checkQueuedJobs(workspace, 1);
      const ceiling = await priorityCeiling(request, workspace);
      const { record, created } = await receiveAdapter(request, deps, {
        parts: CHECKPOINT_BODY,
        use: ({ files, fields }) => runs.add(id, { ...checkpointFields(fields), files }, ceiling),
        outcomeOf: (accepted) => accepted.upload,
      });
      if (created) deps.metrics.checkpointDecided(record.decision);
      return answerCheckpoint(request, reply, runs, record);
    },
  );

  app.get(
    '/v1/runs/:id/checkpoints/:step',
    {
      // Path parameters are text, and the validator does not convert them to numbers.
      preValidation: async ({ params }: { params: { step: unknown } }) => {
        if (DIGITS.test(String(params.step))) params.step = Number(params.step);
      },
      schema: {
        operationId: 'getCheckpoint',
        tags: ['annealing'],
        summary: 'Get a checkpoint: the decision and its outcome',
        description:
          'If a step has several checkpoints, because of a rewind or a failure, the response is the ' +
          'newest one.',
        params: CheckpointPath,
        response: {
          200: response('The checkpoint', reference(CheckpointRecord)),
          ...problems('VALIDATION_FAILED', ...RUN_ERRORS.checkpoint),
        },
      },
    },
    async (request, reply) => {
      const { id, step } = request.params;
      return reply
        .header('cache-control', 'no-store')
        .send(await workspaceOf(request).runs.checkpoint(id, step));
    },
  );
};

/**
 * Answers with a checkpoint: 200 if its decision is final, otherwise 202, immediately or after the wait that the
 * client prefers.
 */
async function answerCheckpoint(
  request: FastifyRequest,
  reply: FastifyReply,
  runs: RunService,
  accepted: CheckpointRecord,
): Promise<FastifyReply> {
  const wait = preferredWait(request, reply);
  const record = wait ? await runs.wait(accepted, wait.timeoutMs) : accepted;
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
