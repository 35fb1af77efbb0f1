import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/**
 * Answers that come before the end of their request: what the client still sends is read and discarded for
 * `lingerMs`, so that it gets to read the answer instead of a reset (RFC 9112 §9.6), then the connection is cut.
 */
export const linger = fp(async (app: FastifyInstance, { lingerMs }: { lingerMs: number }) => {
  app.addHook('onResponse', async (request) => {
    const { raw } = request;
    if (raw.complete) return;
    raw.resume();
    const timer = setTimeout(() => raw.socket.destroy(), lingerMs);
    timer.unref();
    raw.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
  });
});
