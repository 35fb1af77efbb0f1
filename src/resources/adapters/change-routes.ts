import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { AdapterPatch, AdapterRecord } from '../../contract/adapter.ts';
import { errorsOf } from '../../errors/error-kinds.ts';
import { AdapterPath, asComponent, NOTHING, problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';

const example: AdapterPatch = {
  name: 'search-v4',
  labels: { team: 'search', stage: 'prod' },
  ttl_seconds: null,
};

/** PATCH and DELETE /v1/adapters/{id}. */
export const adapterChangeRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.addSchema({ ...asComponent(AdapterPatch), examples: [example] });

  app.patch(
    '/v1/adapters/:id',
    {
      config: { accepts: 'application/json' },
      schema: {
        operationId: 'changeAdapter',
        tags: ['adapters'],
        summary: 'Change the name or the labels of an adapter, or how long it is kept',
        params: AdapterPath,
        body: reference(AdapterPatch),
        response: {
          200: response('The adapter as it is now', reference(AdapterRecord)),
          ...problems(
            ...errorsOf('json', 'json-body'),
            'ADAPTER_NOT_FOUND',
            'ADAPTER_EXPIRED',
            'STORAGE_FULL',
          ),
        },
      },
    },
    async (request, reply) => {
      const { name, labels, ttl_seconds: ttlSeconds } = request.body;
      const { adapters } = workspaceOf(request);
      return reply.send(await adapters.change(request.params.id, { name, labels, ttlSeconds }));
    },
  );

  app.delete(
    '/v1/adapters/:id',
    {
      schema: {
        operationId: 'deleteAdapter',
        tags: ['adapters'],
        summary: 'Remove an adapter',
        description:
          'Not while a job that has not ended reads it. Results made from it stay, and so do the records of jobs. Its files ' +
          'are gone at once; the room on the disk is free when the sweeper has been there, if no other adapter has ' +
          'the same content.',
        params: AdapterPath,
        response: {
          204: NOTHING,
          ...problems('ADAPTER_NOT_FOUND', 'ADAPTER_IN_USE', 'STORAGE_FULL'),
        },
      },
    },
    async (request, reply) => {
      await workspaceOf(request).adapters.remove(request.params.id);
      return reply.code(204).send(null);
    },
  );
};
