import type { FastifyInstance, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { API_PREFIX } from '../principal.ts';
import { withHook } from '../with-hook.ts';

const BRINGS_DATA = new Set(['POST', 'PUT', 'PATCH']);

/**
 * While the disk of the database is full nothing new is taken in, before a byte of it has come: what room there is has to do
 * for deletions and the ends of jobs. What operators do, and cancelling, goes on.
 */
export const refuseWhenFull = fp(
  async (app: FastifyInstance, { checkRoom }: { checkRoom: () => Promise<void> }) => {
    app.addHook('onRoute', (route: RouteOptions) => {
      const { url, method, config } = route;
      if (!url.startsWith(API_PREFIX) || !BRINGS_DATA.has(String(method))) return;
      if (config?.scope !== 'admin' && !url.endsWith('/cancel')) withHook(route, 'onRequest', checkRoom);
    });
  },
);
