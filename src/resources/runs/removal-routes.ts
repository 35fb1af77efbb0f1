import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { NOTHING, problems } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { RUN_EXAMPLE } from './examples.ts';
import { removeRun } from './remove-run.ts';

const RunPath = Type.Object({
  id: Type.String({ description: 'Id of a run', examples: [RUN_EXAMPLE.id] }),
});

/** DELETE /v1/runs/{id}. */
export const runRemovalRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.delete(
    '/v1/runs/:id',
    {
      schema: {
        operationId: 'deleteRun',
        tags: ['annealing'],
        summary: 'Remove a run with its checkpoints and their jobs',
        description:
          'Not while a checkpoint is being squeezed. Adapters stay; projections and optimizer state go with the jobs.',
        params: RunPath,
        response: {
          204: NOTHING,
          ...problems('RUN_NOT_FOUND', 'RUN_IN_USE', 'STORAGE_FULL', 'STORAGE_FAILED'),
        },
      },
    },
    async (request, reply) => {
      await removeRun(workspaceOf(request), request.params.id);
      return reply.code(204).send(null);
    },
  );
};
