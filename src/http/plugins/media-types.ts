import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The media type a route's body must have. */
    accepts?: 'application/json' | 'multipart/form-data';
  }
}

/** Refuses bodies of another type or with a Content-Encoding before they are read. */
export const mediaTypes = fp(async (app: FastifyInstance) => {
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', async (request) => {
    const { accepts } = request.routeOptions.config;
    if (!accepts) return;
    const encoding = request.headers['content-encoding']?.trim().toLowerCase();
    if (encoding && encoding !== 'identity') {
      throw new AppError(
        'UNSUPPORTED_CONTENT_ENCODING',
        `Content-Encoding ${encoding} is not accepted; send the body as it is.`,
        {
          content_encoding: encoding,
        },
      );
    }
    const header = request.headers['content-type'] ?? '';
    const type = header.split(';', 1)[0]!.trim().toLowerCase();
    if (type !== accepts) {
      const sent = type === '' ? 'no Content-Type' : `Content-Type ${JSON.stringify(type.slice(0, 80))}`;
      throw new AppError('UNSUPPORTED_MEDIA_TYPE', `This request has ${sent}; ${accepts} is expected.`, {
        accepts,
      });
    }
    if (accepts === 'multipart/form-data' && !/;\s*boundary=/i.test(header)) {
      throw new AppError('MULTIPART_MALFORMED', 'The Content-Type has no boundary parameter.');
    }
  });
});
