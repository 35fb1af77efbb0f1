import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors.ts';
import { mediaTypeOf } from './media-types.ts';

/**
 * Ends requests whose small body does not arrive in time. Uploads, which may rightly take hours, watch themselves
 * (upload/body-watch.ts); that is why the server itself has no request timeout.
 */
export const bodyTimeout = fp(async (app: FastifyInstance, { bodyTimeoutMs }: { bodyTimeoutMs: number }) => {
  app.addHook('onRequest', async (request, reply) => {
    const { accepts } = request.routeOptions.config;
    if (![accepts].flat().includes('application/json') || mediaTypeOf(request) !== 'application/json') return;
    const timer = setTimeout(() => {
      if (request.raw.complete || reply.sent) return;
      reply.send(new AppError('UPLOAD_TOO_SLOW', `The request was not complete after ${bodyTimeoutMs} ms.`));
    }, bodyTimeoutMs);
    request.raw.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
  });
});
