import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { UsageRecord } from '../../contract/usage.ts';
import { usageOf } from '../../service/usage/usage.ts';
import { workspaceOf } from '../principal.ts';
import { problems, reference, response } from '../schemas.ts';

/** GET /v1/usage. */
export const usageRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/v1/usage',
    {
      schema: {
        operationId: 'getUsage',
        tags: ['adapters'],
        summary: 'What your tenant has stored',
        response: {
          200: response('The usage', reference(UsageRecord)),
          ...problems('STORAGE_FAILED'),
        },
      },
    },
    async (request, reply) =>
      reply.header('cache-control', 'no-store').send(await usageOf(workspaceOf(request))),
  );
};
