import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors/app-error.ts';

const BRINGS_WORK = new Set(['POST', 'PUT', 'PATCH']);

/** Once the service is stopping, new work is refused; reading stays possible until the end. */
export const refuseWhenStopping = fp(
  async (app: FastifyInstance, { isShuttingDown }: { isShuttingDown: () => boolean }) => {
    app.addHook('onRequest', async (request, reply) => {
      if (!isShuttingDown()) return;
      reply.header('connection', 'close');
      if (!BRINGS_WORK.has(request.method)) return;
      throw new AppError('SHUTTING_DOWN', 'The service is stopping; send the request again in a moment.');
    });
  },
);
