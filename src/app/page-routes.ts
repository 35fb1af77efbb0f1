import { existsSync } from 'node:fs';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { WEB_FOLDER } from '../places.ts';

/**
 * Everything is loaded from this service, and the page has no inline scripts or styles. Downloads that need a key are
 * blobs.
 */
const PAGE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const A_YEAR = 'public, max-age=31536000, immutable';

/**
 * GET / and the files of the page. If the page is not built, these routes do not exist, and the API works without
 * them.
 */
export async function pageRoutes(
  app: FastifyInstance,
  { folder = WEB_FOLDER }: { folder?: string } = {},
): Promise<void> {
  if (!existsSync(`${folder}/index.html`)) return;
  app.addHook('onRoute', (route) => {
    // These routes are not part of the contract.
    route.schema = { ...route.schema, hide: true };
    // The names of assets differ in every build.
    if (route.url.startsWith('/assets/')) route.config = { ...route.config, shownAs: '/assets/*' };
  });
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('content-security-policy', PAGE_CSP);
  });
  await app.register(fastifyStatic, {
    root: folder,
    // A route for each existing file, so that other paths get a 404.
    wildcard: false,
    decorateReply: false,
    preCompressed: true,
    cacheControl: false,
    setHeaders(reply, path) {
      // The names of assets contain a hash of their content; the page names the newest ones.
      reply.header('cache-control', path.includes('/assets/') ? A_YEAR : 'no-cache');
    },
  });
}
