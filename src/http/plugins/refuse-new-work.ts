import type { FastifyInstance, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors/app-error.ts';
import { API_PREFIX } from '../principal.ts';
import { withHook } from '../with-hook.ts';

const WRITING_METHODS = new Set(['POST', 'PUT', 'PATCH']);

/** Whether a call may create work. Calls of operators do not, and cancelling reduces it. */
export const mayCreateWork = ({
  url,
  method,
  config,
}: Pick<RouteOptions, 'url' | 'method' | 'config'>): boolean =>
  url.startsWith(API_PREFIX) &&
  WRITING_METHODS.has(String(method)) &&
  config?.scope !== 'admin' &&
  !url.endsWith('/cancel');

/** Refuses new work once the service is stopping. Reading stays possible until the end. */
export const refuseWhenStopping = fp(
  async (app: FastifyInstance, { isShuttingDown }: { isShuttingDown: () => boolean }) => {
    app.addHook('onRequest', async (request, reply) => {
      if (!isShuttingDown()) return;
      reply.header('connection', 'close');
      if (!WRITING_METHODS.has(request.method)) return;
      throw new AppError('SHUTTING_DOWN', 'The service is stopping; send the request again in a moment.');
    });
  },
);

/**
 * Refuses new work, before its body is read, while the disk of the database is full: the remaining room is for
 * deletions and for finishing jobs. Calls of operators and cancelling still work.
 */
export const refuseWhenFull = fp(
  async (app: FastifyInstance, { checkFreeSpace }: { checkFreeSpace: () => Promise<void> }) => {
    app.addHook('onRoute', (route: RouteOptions) => {
      if (mayCreateWork(route)) withHook(route, 'onRequest', checkFreeSpace);
    });
  },
);
