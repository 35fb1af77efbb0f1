import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { WorkerList, WorkerRecord } from '../../contract/worker.ts';
import type { Database } from '../../database/database.ts';
import { singlePage } from '../../http/paging.ts';
import { asComponent, problems, reference, response } from '../../http/schemas.ts';
import { WORKER_ERRORS, WorkerService } from './service.ts';

const WorkerPath = Type.Object({
  id: Type.String({
    maxLength: 128,
    description: 'Id of a worker',
    examples: ['2f1c5a1e-6b0d-4c1b-9d0a-0a4a7f3c2b11'],
  }),
});

const worker: WorkerRecord = {
  id: '2f1c5a1e-6b0d-4c1b-9d0a-0a4a7f3c2b11',
  ...{ host: 'squeeze-worker-3', provider: 'cpu', slots: 2, running: 1, ms_per_mib: 41 },
  ...{ state: 'active', draining_at: null, seen_at: '2026-11-24T21:50:10.000Z' },
};

/** Routes for workers, for administrators only. */
export const workerRoutes: FastifyPluginAsyncTypebox<{ database: Database }> = async (app, { database }) => {
  app.addSchema({ ...asComponent(WorkerRecord), examples: [worker] });
  app.addSchema({ ...asComponent(WorkerList), examples: [singlePage([worker])] });
  const workers = new WorkerService(database);

  app.get(
    '/v1/workers',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'listWorkers',
        tags: ['administration'],
        summary: 'List workers and what they run',
        response: {
          200: response('The live workers, by machine', reference(WorkerList)),
          ...problems(),
        },
      },
    },
    async (_request, reply) =>
      reply.header('cache-control', 'no-store').send(singlePage(await workers.list())),
  );

  app.post(
    '/v1/workers/:id/drain',
    {
      config: { scope: 'admin', needsKeys: true },
      schema: {
        operationId: 'drainWorker',
        tags: ['administration'],
        summary: 'Drain a worker',
        description:
          'Within about five seconds the worker stops taking executions. Running executions are allowed to ' +
          'finish, however long they take; other workers take those that have not started. Then a process with ' +
          'ROLE=worker exits with 0; one with ROLE=all continues without a worker until it is restarted. ' +
          'Repeating the call changes nothing.',
        params: WorkerPath,
        response: {
          202: response('The worker', reference(WorkerRecord)),
          ...problems('VALIDATION_FAILED', ...WORKER_ERRORS.drain),
        },
      },
    },
    async (request, reply) => reply.code(202).send(await workers.drain(request.params.id)),
  );
};
