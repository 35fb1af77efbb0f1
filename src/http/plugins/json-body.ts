import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors/app-error.ts';
import { ContentDigest } from '../multipart/content-digest.ts';
import { readRequestJson } from '../request-json.ts';

/**
 * Reads bodies of JSON by the strict reader, after their bytes were checked against their digests, as uploads do with
 * theirs. Where an operation takes no body, what comes is dropped unread: some clients send `{}` with every POST.
 */
export const jsonBody = fp(async (app: FastifyInstance) => {
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, bytes: Buffer) => {
      if (request.routeOptions.config.accepts === undefined) return undefined;
      const digest = new ContentDigest(request.headers);
      digest.update(bytes);
      digest.finish();
      if (bytes.length === 0)
        throw new AppError(
          'REQUEST_JSON',
          "Body cannot be empty when content-type is set to 'application/json'.",
        );
      return readRequestJson(bytes);
    },
  );
});
