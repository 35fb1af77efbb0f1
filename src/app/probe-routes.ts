import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { Readiness, type ReadinessReason } from '../contract/readiness.ts';
import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/error-kinds.ts';
import { Liveness, problems, reference, response } from '../http/schemas.ts';
import type { ProbeDependencies } from './http-dependencies.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The service is not ready before this resolves; undefined: there is nothing to wait for. */
    prepared?: Promise<void>;
  }
}

/** /livez: the process is running. /readyz: whether it can serve requests, and which parts do not work. */
export const probeRoutes: FastifyPluginAsyncTypebox<{ deps: ProbeDependencies }> = async (app, { deps }) => {
  app.get(
    '/livez',
    {
      logLevel: 'warn',
      config: { anyHost: true },
      schema: {
        operationId: 'getLiveness',
        tags: ['service'],
        summary: 'Check whether the process is alive',
        description:
          'Answers without checking the database, Redis or the storage. Restart a process that does not ' +
          'answer.',
        response: { 200: response('The process is alive', reference(Liveness)), ...problems() },
      },
    },
    async (_request, reply) =>
      reply.header('cache-control', 'no-store').send({ status: 'alive' as const, version: deps.version }),
  );

  app.get(
    '/readyz',
    {
      logLevel: 'warn',
      config: { anyHost: true },
      schema: {
        operationId: 'getReadiness',
        tags: ['service'],
        summary: 'Check whether the service can serve requests',
        description:
          'Returns 200 while reads work. If Redis is unavailable or full, ' +
          'the storage cannot be written or secrets cannot be decrypted, `status` is `degraded` and `reasons` names ' +
          'the cause. Returns 503 while the process stops, if the database is unavailable or the storage cannot be ' +
          'read, and for a worker without its execution provider.',
        response: {
          200: response(
            'The process can serve all requests (`ready`) or some (`degraded`)',
            reference(Readiness),
          ),
          ...problems('STORAGE_FAILED', 'DATABASE_UNAVAILABLE', 'PROVIDER_UNAVAILABLE'),
        },
      },
    },
    async (_request, reply) => {
      if (deps.isShuttingDown?.()) throw new AppError('SHUTTING_DOWN', 'The service is stopping.');
      await app.prepared;
      const { status, parts, reasons } = await deps.readiness.check();
      if (status === 'unready') {
        const detail = reasons.map((reason) => `${reason.part}: ${reason.detail}`).join(' ');
        const failed = parts.filter(({ isUsable }) => !isUsable).map(({ part }) => part);
        throw new AppError(unreadyCode(reasons), detail, { failed });
      }
      const checks = Object.fromEntries(
        parts.map(({ part }) => [part, reasons.some((reason) => reason.part === part) ? 'degraded' : 'ok']),
      ) as Readiness['checks'];
      return reply.header('cache-control', 'no-store').send({ status, checks, reasons: [...reasons] });
    },
  );
};

/** The code for an unready process; only these parts can make it unready. */
function unreadyCode(reasons: readonly ReadinessReason[]): ErrorCode {
  const lacks = (wanted: string) => reasons.some(({ part }) => part === wanted);
  if (lacks('storage')) return 'STORAGE_FAILED';
  return lacks('database') ? 'DATABASE_UNAVAILABLE' : 'PROVIDER_UNAVAILABLE';
}

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
        operationId: 'getMetrics',
        tags: ['service'],
        summary: 'Get metrics for Prometheus',
        description: 'Metrics of this process, in the text exposition format.',
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
