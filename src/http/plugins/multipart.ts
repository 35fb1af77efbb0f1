import fastifyMultipart from '@fastify/multipart';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { MAX_PART_HEADER_BYTES, MAX_PART_HEADERS, MAX_PART_NAME_BYTES } from '../multipart/body-parts.ts';

/**
 * https://github.com/fastify/fastify-multipart. Every limit is set, here or for the body of a route
 * (upload/receive-adapter.ts): several defaults truncate without a word.
 */
export const multipart = fp(async (app: FastifyInstance) => {
  await app.register(fastifyMultipart, {
    throwFileSizeLimit: false,
    limits: {
      // upload/save-file.ts and upload/receive-adapter.ts count the bytes, by part.
      fileSize: Number.POSITIVE_INFINITY,
      fieldNameSize: MAX_PART_NAME_BYTES,
      headerPairs: MAX_PART_HEADERS,
      ...({ headerSize: MAX_PART_HEADER_BYTES } as object),
    },
  });
});
