import type { FastifySchema } from 'fastify';
import { type TSchema, Type } from 'typebox';

declare module 'fastify' {
  interface FastifySchema {
    /** A multipart body, for the contract only: its parts are streamed, so no validator sees it as a whole. */
    multipart?: TSchema;
  }
}

export const UploadHeaders = Type.Object({
  'content-digest': Type.Optional(
    Type.String({
      description:
        'SHA-256 or SHA-512 of the whole body, boundaries included (RFC 9530), checked while it arrives. Headers ' +
        'of single parts are ignored.',
    }),
  ),
  'repr-digest': Type.Optional(
    Type.String({ description: 'The same as Content-Digest, because the body is its own representation' }),
  ),
});

/** Moves the multipart body in a route's schema to where OpenAPI expects it. */
export function withMultipartBody({ multipart, ...schema }: FastifySchema): FastifySchema {
  if (!multipart) return schema;
  const type = 'multipart/form-data';
  return { ...schema, consumes: [type], body: { content: { [type]: { schema: multipart } } } };
}
