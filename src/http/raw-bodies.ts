import type { FastifyInstance, FastifySchema } from 'fastify';
import { BINARY } from './schemas.ts';

declare module 'fastify' {
  interface FastifySchema {
    /** Media type of a body of bytes, for the contract only: the body is streamed, so no validator sees it. */
    bytes?: string;
  }
}

/** Leaves bodies of any content type unparsed, for the routes of this instance to read. */
export function acceptRawBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

/** Moves the body of bytes in a route's schema to where OpenAPI expects it. */
export const withBinaryBody = ({ bytes, ...schema }: FastifySchema): FastifySchema =>
  bytes === undefined
    ? schema
    : { ...schema, consumes: [bytes], body: { content: { [bytes]: { schema: BINARY } } } };
