import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors/app-error.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The media type a route's body must have, or several; '' for one that says none. */
    accepts?: MediaType | readonly MediaType[];
  }
}

export type MediaType =
  | 'application/json'
  | 'multipart/form-data'
  | 'application/octet-stream'
  | 'application/offset+octet-stream'
  | '';

/** The media type of a request's body without its parameters, '' where it says none. */
export const mediaTypeOf = ({ headers }: Pick<FastifyRequest, 'headers'>): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();

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
    const type = mediaTypeOf(request);
    const known: readonly string[] = [accepts].flat();
    if (!known.includes(type)) {
      const sent = type === '' ? 'no Content-Type' : `Content-Type ${JSON.stringify(type.slice(0, 80))}`;
      const expected = known.filter((one) => one !== '').join(' or ');
      throw new AppError('UNSUPPORTED_MEDIA_TYPE', `This request has ${sent}; ${expected} is expected.`, {
        accepts: expected,
      });
    }
    if (type === 'multipart/form-data' && !/;\s*boundary=/i.test(request.headers['content-type']!)) {
      throw new AppError('MULTIPART_MALFORMED', 'The Content-Type has no boundary parameter.');
    }
  });
});
