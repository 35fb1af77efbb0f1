import { existsSync } from 'node:fs';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { WEB_FOLDER } from '../places.ts';

/**
 * Everything is loaded from this service, and the page has no inline scripts or styles. Downloads with a key are
 * blobs.
 */
const PAGE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const A_YEAR = 'public, max-age=31536000, immutable';

/** GET / and what the page is made of. Where it is not built there is none, and the API is as it is. */
export async function pageRoutes(
  app: FastifyInstance,
  { folder = WEB_FOLDER }: { folder?: string } = {},
): Promise<void> {
  if (!existsSync(`${folder}/index.html`)) return;
  app.addHook('onRoute', (route) => {
    // Not part of the contract.
    route.schema = { ...route.schema, hide: true };
    // Their names are others with every build.
    if (route.url.startsWith('/assets/')) route.config = { ...route.config, shownAs: '/assets/*' };
  });
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('content-security-policy', PAGE_CSP);
  });
  await app.register(fastifyStatic, {
    root: folder,
    // A route for each existing file, so that other paths stay unknown.
    wildcard: false,
    decorateReply: false,
    preCompressed: true,
    cacheControl: false,
    setHeaders(reply, path) {
      // Names of assets have a hash of their content in them; the page names the newest.
      reply.header('cache-control', path.includes('/assets/') ? A_YEAR : 'no-cache');
    },
  });
}
