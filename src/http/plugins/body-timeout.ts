import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors/app-error.ts';
import { mediaTypeOf } from './media-types.ts';

/**
 * Ends requests whose body does not arrive in time, also where the route wants none. Uploads, which may rightly take
 * hours, watch themselves (upload/body-watch.ts); that is why the server itself has no request timeout.
 */
export const bodyTimeout = fp(async (app: FastifyInstance, { bodyTimeoutMs }: { bodyTimeoutMs: number }) => {
  app.addHook('onRequest', async (request, reply) => {
    if (!bringsBody(request) || isUpload(request)) return;
    const timer = setTimeout(() => {
      if (request.raw.complete || reply.sent) return;
      reply.send(new AppError('REQUEST_TIMEOUT', `The request was not complete after ${bodyTimeoutMs} ms.`));
    }, bodyTimeoutMs);
    const clear = (): void => clearTimeout(timer);
    request.raw.once('end', clear).once('close', clear);
    // A request that was refused before its end may have neither.
    reply.raw.once('close', clear);
  });
});

const bringsBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function isUpload(request: FastifyRequest): boolean {
  const type = mediaTypeOf(request);
  const accepted: readonly (string | undefined)[] = [request.routeOptions.config.accepts].flat();
  return type !== 'application/json' && accepted.includes(type);
}
