import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { ContentDigest } from '../upload/content-digest.ts';

/** Reads JSON as Fastify does, but checks its bytes against their digests first, as uploads do with theirs. */
export const jsonBody = fp(async (app: FastifyInstance) => {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = body as Buffer;
    const digest = new ContentDigest(request.headers);
    digest.update(bytes);
    digest.finish();
    parse(request, bytes.toString('utf8'), done);
  });
});
