import type { FastifyInstance, FastifySchema } from 'fastify';
import type { ErrorCode } from '../../errors/app-error.ts';
import { BINARY } from '../../http/schemas.ts';
import { UPLOAD_PROBLEMS } from '../adapters/upload/multipart-schema.ts';

declare module 'fastify' {
  interface FastifySchema {
    /** Media type of a body of bytes, for the contract only: it is streamed, so no validator ever sees it. */
    bytes?: string;
  }
}

/** What can be wrong with a file that comes on its own; what only an adapter can have wrong is told later. */
export const CONTENT_PROBLEMS: readonly ErrorCode[] = [
  ...UPLOAD_PROBLEMS.filter((code) =>
    /^(UPLOAD_|DIGEST_|PICKLE_|LFS_|ST_|GGUF_|STORAGE_|UNSUPPORTED_[MCF])/.test(code),
  ),
  'CONFIG_TOO_LARGE',
];

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
