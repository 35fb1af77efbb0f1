import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { BatchPatch, BatchRecord } from '../../contract/batch.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { asComponent, problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { BatchPath } from './batch-responses.ts';
import { BATCH_ERRORS } from './service.ts';

/** Routes that change a batch after it was accepted. */
export const batchChangeRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(BatchPatch), examples: [{ name: 'nightly 2026-12-01' }] });

  app.patch(
    '/v1/batches/:id',
    {
      config: { accepts: 'application/json' },
      schema: {
        operationId: 'updateBatch',
        tags: ['batches'],
        summary: 'Change the name or the labels of a batch',
        description:
          'A batch can be changed at any time, even after it has ended. Its jobs and results keep their ' +
          'names and labels.',
        params: BatchPath,
        body: reference(BatchPatch),
        response: {
          200: response('The batch', reference(BatchRecord)),
          ...problems(...codesOfGroups('json', 'json-body'), ...BATCH_ERRORS.change),
        },
      },
    },
    async (request, reply) =>
      reply.send(await workspaceOf(request).batches.change(request.params.id, request.body)),
  );
};
