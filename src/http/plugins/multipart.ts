import fastifyMultipart from '@fastify/multipart';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import {
  MAX_PART_HEADER_BYTES,
  MAX_PART_HEADERS,
  MAX_PART_NAME_BYTES,
  MAX_PARTS,
  MAX_REQUEST_FIELD_BYTES,
} from '../upload/limits.ts';
import { REQUEST_FIELD } from '../upload/part-name.ts';

/** https://github.com/fastify/fastify-multipart. Every limit is set: several defaults truncate without a word. */
export const multipart = fp(async (app: FastifyInstance) => {
  await app.register(fastifyMultipart, {
    // Only `request` is a field. A configuration sent without a filename would otherwise be parsed and lose its bytes.
    isPartAFile: (name) => name !== REQUEST_FIELD,
    throwFileSizeLimit: false,
    limits: {
      parts: MAX_PARTS,
      files: MAX_PARTS,
      fields: MAX_PARTS,
      // upload/save-file.ts counts the bytes, by file.
      fileSize: Number.POSITIVE_INFINITY,
      fieldSize: MAX_REQUEST_FIELD_BYTES,
      fieldNameSize: MAX_PART_NAME_BYTES,
      headerPairs: MAX_PART_HEADERS,
      ...({ headerSize: MAX_PART_HEADER_BYTES } as object),
    },
  });
});
