import type { FastifySchema } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { SqueezeRequest } from '../../contract/job.ts';
import { ERROR_KINDS, type ErrorCode } from '../../errors.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../service/adapter-service.ts';
import { BINARY, reference } from '../schemas.ts';
import { REQUEST_FIELD } from './part-name.ts';

declare module 'fastify' {
  interface FastifySchema {
    /** A multipart body, for the contract only: its parts are streamed, so no validator ever sees it whole. */
    multipart?: TSchema;
  }
}

export const UploadHeaders = Type.Object({
  'content-digest': Type.Optional(
    Type.String({ description: 'SHA-256 or SHA-512 of the body (RFC 9530), checked while it arrives' }),
  ),
});

const files = {
  [WEIGHTS_FILE]: { ...BINARY, description: 'The weights: safetensors' } as TSchema,
  [CONFIG_FILE]: { ...BINARY, description: 'The configuration PEFT writes beside them' } as TSchema,
};

export const adapterParts = Type.Object(files, { additionalProperties: false });
export const squeezeParts = Type.Object(
  { ...files, [REQUEST_FIELD]: reference(SqueezeRequest) },
  { additionalProperties: false },
);

/** A route's schema with its multipart body where OpenAPI looks for it. */
export const documented = ({ multipart, ...schema }: FastifySchema): FastifySchema =>
  multipart
    ? {
        ...schema,
        consumes: ['multipart/form-data'],
        body: { content: { 'multipart/form-data': { schema: multipart } } },
      }
    : schema;

/** Everything that can be wrong with an upload: the rows of the error table about bodies, files and the LoRA inside. */
const IS_OF_UPLOADS =
  /^(MULTIPART_|UPLOAD_|DIGEST_|DUPLICATE_PART|UNEXPECTED_PART|FILE_MISSING|FIELD_TOO|TOO_MANY|PICKLE_|UNSUPPORTED_|LFS_|ST_|CONFIG_|NO_LORA|LORA_(?!BIAS)|STORAGE_)/;

export const UPLOAD_PROBLEMS = (Object.keys(ERROR_KINDS) as ErrorCode[]).filter((code) =>
  IS_OF_UPLOADS.test(code),
);
