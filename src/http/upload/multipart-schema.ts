import type { FastifySchema } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { SqueezeRequest } from '../../contract/job.ts';
import { ERROR_KINDS, type ErrorCode } from '../../errors.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../service/adapter-service.ts';
import { OPTIMIZER_FILE } from '../../service/runs/checkpoint-upload.ts';
import { BINARY, reference } from '../schemas.ts';
import { REQUEST_FIELD, REWIND_FIELD, STEP_FIELD } from './body-parts.ts';

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

export const checkpointParts = Type.Object(
  {
    ...files,
    [STEP_FIELD]: Type.Integer({ minimum: 0, maximum: 1e9, description: 'Optimizer steps done' }),
    [OPTIMIZER_FILE]: Type.Optional(
      Type.Unsafe<string>({
        ...BINARY,
        description:
          'The moments of the optimizer: safetensors, each tensor called like its factor, then a dot and `exp_avg`, ' +
          '`exp_avg_sq`, `max_exp_avg_sq` or `momentum_buffer`',
      }),
    ),
    [REWIND_FIELD]: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'This checkpoint takes the place of every one of its step and later ones: for a training that resumed from ' +
          'an earlier state',
      }),
    ),
  },
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
