import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { AppError, type ErrorCode, toAppError } from '../../errors.ts';
import type { ProbeDependencies } from '../dependencies.ts';
import { Liveness, problems, Readiness, reference, response } from '../schemas.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Before this the service is not ready; undefined: there is nothing to wait for. */
    prepared?: Promise<void>;
  }
}

/** Orchestrators give a probe about a second. */
const CHECK_TIMEOUT_MS = 900;

/** What a part that does not answer is counted as. */
const WHEN_SLOW: Readonly<Record<string, ErrorCode>> = {
  storage: 'STORAGE_FAILED',
  queue: 'QUEUE_UNAVAILABLE',
  provider: 'PROVIDER_UNAVAILABLE',
  // Only the storage keeps it waiting.
  secrets: 'STORAGE_FAILED',
};

/** /livez: the process turns. /readyz: it can take work, as storage, queue and all other parts answer. */
export const probeRoutes: FastifyPluginAsyncTypebox<{ deps: ProbeDependencies }> = async (app, { deps }) => {
  app.get(
    '/livez',
    {
      logLevel: 'warn',
      config: { anyHost: true },
      schema: {
        operationId: 'livez',
        tags: ['service'],
        summary: 'Whether the process is alive',
        response: { 200: response('It is', reference(Liveness)), ...problems() },
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
        operationId: 'readyz',
        tags: ['service'],
        summary: 'Whether the service can take work',
        response: {
          200: response('It can', reference(Readiness)),
          ...problems(
            'STORAGE_FAILED',
            'STORAGE_FULL',
            'QUEUE_UNAVAILABLE',
            'PROVIDER_UNAVAILABLE',
            'SECRETS_UNAVAILABLE',
          ),
        },
      },
    },
    async (_request, reply) => {
      if (deps.isShuttingDown?.()) throw new AppError('SHUTTING_DOWN', 'The service is stopping.');
      await app.prepared;
      const parts = { storage: () => deps.store.check(), queue: () => deps.queue.check(), ...deps.parts };
      const failures = await Promise.all(
        Object.entries(parts).map(([name, check]) => failureOf(name, WHEN_SLOW[name] ?? 'INTERNAL', check)),
      );
      const failed = failures.filter((failure) => failure !== undefined);
      if (failed[0]) {
        const detail = failed.map(({ name, error }) => `${name}: ${error.message}`).join(' ');
        throw new AppError(failed[0].error.code, detail, { failed: failed.map(({ name }) => name) });
      }
      const checks = { storage: 'ok' as const, queue: 'ok' as const };
      return reply.header('cache-control', 'no-store').send({ status: 'ready' as const, checks });
    },
  );
};

async function failureOf(
  name: string,
  whenSlow: ErrorCode,
  check: () => Promise<void>,
): Promise<{ name: string; error: AppError } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const slow = new Promise<never>((_resolve, reject) => {
    const error = new AppError(whenSlow, `The ${name} did not answer in ${CHECK_TIMEOUT_MS} ms.`);
    timer = setTimeout(reject, CHECK_TIMEOUT_MS, error);
  });
  try {
    await Promise.race([check(), slow]);
    return undefined;
  } catch (error) {
    // An unforeseen failure counts as the part's own: "INTERNAL" would hide which part it is.
    const failure =
      error instanceof AppError
        ? error
        : new AppError(whenSlow, `The ${name} failed.`, {}, { cause: toAppError(error) });
    return { name, error: failure };
  } finally {
    clearTimeout(timer);
  }
}
