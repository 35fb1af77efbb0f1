import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { problems, response } from '../http/schemas.ts';
import type { ProbeDependencies } from './http-dependencies.ts';

/** GET /metrics. */
export const metricsRoutes: FastifyPluginAsyncTypebox<{ deps: ProbeDependencies }> = async (
  app,
  { deps },
) => {
  app.get(
    '/metrics',
    {
      logLevel: 'warn',
      config: { anyHost: true },
      schema: {
        operationId: 'metrics',
        tags: ['service'],
        summary: 'Metrics for Prometheus',
        response: {
          200: response('Text exposition format', Type.String(), { mediaType: 'text/plain' }),
          ...problems(),
        },
      },
    },
    async (_request, reply) => {
      const text = await deps.metrics.render();
      return reply
        .headers({ 'content-type': deps.metrics.contentType, 'cache-control': 'no-store' })
        .send(text);
    },
  );
};
