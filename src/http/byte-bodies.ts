import type { FastifyInstance, FastifySchema } from 'fastify';
import { BINARY } from './schemas.ts';

declare module 'fastify' {
  interface FastifySchema {
    /** Media type of a body of bytes, for the contract only: the body is streamed, so no validator sees it. */
    bytes?: string;
  }
}

/** Leaves bodies unread, whatever they say they are, to the routes of this instance. */
export function takeBodiesAsTheyAre(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

/** A route's schema with its body of bytes where OpenAPI looks for it. */
export const withBytes = ({ bytes, ...schema }: FastifySchema): FastifySchema =>
  bytes === undefined
    ? schema
    : { ...schema, consumes: [bytes], body: { content: { [bytes]: { schema: BINARY } } } };
