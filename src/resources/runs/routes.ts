import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { CheckpointRecord, RunRecord, RunRequest } from '../../contract/run.ts';
import { errorsOf } from '../../errors/error-kinds.ts';
import { UploadHeaders } from '../../http/multipart/multipart-schema.ts';
import { asComponent, LOCATION, problems, reference, response } from '../../http/schemas.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { receiveAdapter, type UploadDependencies } from '../adapters/upload/receive-adapter.ts';
import { checkConcurrentJobs } from '../jobs/concurrent-jobs.ts';
import { workspaceOf } from '../own-workspace.ts';
import { answerCheckpoint, CHECKPOINT_PREFER } from './answer-checkpoint.ts';
import { CHECKPOINT_BODY, checkpointFields, checkpointParts } from './checkpoint-body.ts';
import { CHECKPOINT_EXAMPLE, RUN_EXAMPLE, RUN_REQUEST_EXAMPLES } from './examples.ts';

/** A schedule may list 4096 shapes of modules, as for POST /v1/schedules. */
const MAX_BODY_BYTES = 512 * 1024;

const DIGITS = /^\d{1,10}$/;

const RunPath = Type.Object({
  id: Type.String({ description: 'Id of a run', examples: [RUN_EXAMPLE.id] }),
});
const CheckpointPath = Type.Object({
  ...RunPath.properties,
  step: Type.Integer({ minimum: 0, maximum: 1e9, description: 'Step of the checkpoint' }),
});

/** POST /v1/runs, GET /v1/runs/{id}, and a run's checkpoints. */
export const runRoutes: FastifyPluginAsyncTypebox<{
  deps: UploadDependencies & { readonly metrics: Pick<Metrics, 'runCreated' | 'checkpointDecided'> };
}> = async (app, { deps }) => {
  const { metrics } = deps;
  app.addSchema({ ...asComponent(RunRequest), examples: RUN_REQUEST_EXAMPLES });
  app.addSchema({ ...asComponent(CheckpointRecord), examples: [CHECKPOINT_EXAMPLE] });
  app.addSchema({ ...asComponent(RunRecord), examples: [RUN_EXAMPLE] });

  app.post(
    '/v1/runs',
    {
      config: { accepts: 'application/json' },
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        operationId: 'createRun',
        tags: ['annealing'],
        summary: 'Begin an annealing: a training whose rank falls on the way',
        description:
          'By a schedule, or adaptively by what the spectrum allows. The trainer then sends checkpoints and goes on with ' +
          'the adapters it gets back.',
        body: reference(RunRequest),
        response: {
          201: response('The run', reference(RunRecord), { headers: LOCATION }),
          ...problems(
            ...errorsOf('json', 'json-body'),
            'SCHEDULE_INVALID',
            'SCHEDULE_TOO_SHORT',
            'STORAGE_FULL',
          ),
        },
      },
    },
    async (request, reply) => {
      const run = await workspaceOf(request).runs.create(request.body, request.idempotent?.idOf('run'));
      metrics.runCreated(run.mode);
      return reply.code(201).header('location', `/v1/runs/${run.id}`).send(run);
    },
  );

  app.get(
    '/v1/runs/:id',
    {
      schema: {
        operationId: 'getRun',
        tags: ['annealing'],
        summary: 'A run: where it stands, and all its checkpoints',
        params: RunPath,
        response: {
          200: response('The run', reference(RunRecord)),
          ...problems('RUN_NOT_FOUND', 'STORAGE_FAILED'),
        },
      },
    },
    async (request, reply) =>
      reply.header('cache-control', 'no-store').send(await workspaceOf(request).runs.get(request.params.id)),
  );

  app.post(
    '/v1/runs/:id/checkpoints',
    {
      config: { accepts: 'multipart/form-data' },
      schema: {
        operationId: 'sendCheckpoint',
        tags: ['annealing'],
        summary: 'Send a checkpoint, and learn what to go on with',
        description:
          'Answers `keep` (nothing to do), or squeezes the checkpoint as a job. Sending the same checkpoint again, also ' +
          'at the same time, gives the same answer; a failed one is tried again. The parts may come in any order.',
        headers: Type.Object({ ...CHECKPOINT_PREFER.properties, ...UploadHeaders.properties }),
        params: RunPath,
        multipart: checkpointParts,
        response: {
          200: response('Kept, or finished while the client waited', reference(CheckpointRecord), {
            headers: LOCATION,
          }),
          202: response('Accepted, durably: being squeezed', reference(CheckpointRecord), {
            headers: LOCATION,
          }),
          ...problems(
            ...errorsOf('upload'),
            'VALIDATION_FAILED',
            'RUN_NOT_FOUND',
            'OPTIMIZER_STATE_INVALID',
            'CHECKPOINT_STEP',
            'CHECKPOINT_CONFLICT',
            'CHECKPOINT_OUT_OF_ORDER',
            'CHECKPOINT_PENDING',
            'CHECKPOINT_RANK',
            'CHECKPOINT_BASE_MISMATCH',
            'QUOTA_CONCURRENT_JOBS',
          ),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const workspace = workspaceOf(request);
      const { runs } = workspace;
      await runs.check(id);
      // Whether it will be squeezed is known later; by then it would have been sent for nothing.
      await checkConcurrentJobs(workspace, 1);
      const { record, created } = await receiveAdapter(request, deps, {
        parts: CHECKPOINT_BODY,
        use: ({ files, fields }) => runs.add(id, { ...checkpointFields(fields), files }),
        outcomeOf: (accepted) => accepted.upload,
      });
      if (created) metrics.checkpointDecided(record.decision);
      return answerCheckpoint(request, reply, runs, record);
    },
  );

  app.get(
    '/v1/runs/:id/checkpoints/:step',
    {
      // Paths are text, and nothing here turns text into numbers by itself.
      preValidation: async ({ params }: { params: { step: unknown } }) => {
        if (DIGITS.test(String(params.step))) params.step = Number(params.step);
      },
      schema: {
        operationId: 'getCheckpoint',
        tags: ['annealing'],
        summary: 'A checkpoint: the decision, and what became of it',
        description: 'Of several checkpoints of one step, after a rewind or a failure, the newest.',
        params: CheckpointPath,
        response: {
          200: response('The checkpoint', reference(CheckpointRecord)),
          ...problems('VALIDATION_FAILED', 'RUN_NOT_FOUND', 'CHECKPOINT_NOT_FOUND', 'STORAGE_FAILED'),
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
