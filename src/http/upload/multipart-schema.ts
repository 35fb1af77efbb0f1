import type { FastifySchema } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { CARD_FILE, CONFIG_FILE, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import { AdapterName } from '../../contract/adapter.ts';
import { SqueezeRequest } from '../../contract/job-request.ts';
import { Labels, TtlSeconds } from '../../contract/labels.ts';
import { ERROR_KINDS, type ErrorCode } from '../../errors.ts';
import { OPTIMIZER_FILE } from '../../service/runs/checkpoint-upload.ts';
import { BINARY, reference } from '../schemas.ts';
import {
  LABELS_FIELD,
  NAME_FIELD,
  REQUEST_FIELD,
  REWIND_FIELD,
  STEP_FIELD,
  TTL_FIELD,
} from './body-parts.ts';

declare module 'fastify' {
  interface FastifySchema {
    /** A multipart body, for the contract only: its parts are streamed, so no validator ever sees it whole. */
    multipart?: TSchema;
  }
}

export const UploadHeaders = Type.Object({
  'content-digest': Type.Optional(
    Type.String({
      description:
        'SHA-256 or SHA-512 of the whole body, boundaries and all (RFC 9530), checked while it arrives. Headers of ' +
        'single parts are not looked at.',
    }),
  ),
  'repr-digest': Type.Optional(
    Type.String({ description: 'As Content-Digest: the body is what it represents' }),
  ),
});

const peftFiles = {
  [WEIGHTS_FILE]: { ...BINARY, description: 'The weights: safetensors' } as TSchema,
  [CONFIG_FILE]: { ...BINARY, description: 'The configuration PEFT writes beside them' } as TSchema,
};

const file = (description: string) => Type.Optional(Type.Unsafe<string>({ ...BINARY, description }));

const files = {
  [WEIGHTS_FILE]: file(
    'The weights, safetensors or GGUF. They may also be a part called `weights`, or any part with a filename that ends ' +
      'in .safetensors or .gguf; one file of them has to be there',
  ),
  weights: file('The weights, by another name'),
  [CONFIG_FILE]: file('The configuration that PEFT and MLX write beside them; other formats have none'),
  config: file('The configuration, by another name'),
  [CARD_FILE]: file('Taken and dropped, for those who send whole folders'),
};

export const adapterParts = Type.Object(
  {
    ...files,
    [NAME_FIELD]: Type.Optional(AdapterName),
    [LABELS_FIELD]: Type.Optional(Labels),
    [TTL_FIELD]: Type.Optional(TtlSeconds),
  },
  { additionalProperties: false },
);
export const squeezeParts = Type.Object(
  { ...files, [REQUEST_FIELD]: reference(SqueezeRequest) },
  { additionalProperties: false },
);

export const checkpointParts = Type.Object(
  {
    ...peftFiles,
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

/** A route's schema with its multipart body where OpenAPI looks for it, beside what else the body may be. */
export function documented({ multipart, ...schema }: FastifySchema): FastifySchema {
  if (!multipart) return schema;
  const { content } = (schema.body ?? {}) as { content?: object };
  const types = { 'multipart/form-data': { schema: multipart }, ...content };
  return { ...schema, consumes: Object.keys(types), body: { content: types } };
}

/** Everything that can be wrong with an upload: the rows of the error table about bodies, files and the LoRA inside. */
const IS_OF_UPLOADS =
  /^(MULTIPART_|UPLOAD_(?=ABORTED|TOO_)|DIGEST_|DUPLICATE_PART|UNEXPECTED_PART|FILE_MISSING|FIELD_TOO|TOO_MANY|PICKLE_|UNSUPPORTED_|LFS_|ST_|GGUF_|CONFIG_|FORMAT_MIXED|NO_LORA|LORA_(?!BIAS)|STORAGE_|QUOTA_STORED)/;

export const UPLOAD_PROBLEMS = (Object.keys(ERROR_KINDS) as ErrorCode[]).filter((code) =>
  IS_OF_UPLOADS.test(code),
);
