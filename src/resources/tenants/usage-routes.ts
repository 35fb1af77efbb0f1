import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { UsageRecord } from '../../contract/tenant.ts';
import { problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { usageOf } from './usage.ts';

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
