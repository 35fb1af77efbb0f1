import type { FastifySchemaCompiler } from 'fastify';
import { type TProperties, type TSchema, Type } from 'typebox';
import { SqueezeRequest } from '../../contract/job.ts';
import { ERROR_KINDS, type ErrorCode } from '../../errors.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../service/adapter-service.ts';
import { BINARY, reference } from '../schemas.ts';
import { REQUEST_FIELD } from './part-name.ts';

export const adapterParts = {
  [WEIGHTS_FILE]: { ...BINARY, description: 'The weights: safetensors' } as TSchema,
  [CONFIG_FILE]: { ...BINARY, description: 'The configuration PEFT writes beside them' } as TSchema,
};

export const squeezeParts = { ...adapterParts, [REQUEST_FIELD]: reference(SqueezeRequest) };

/** Describes a multipart body; it never validates one (`unvalidated`), as the parts are streamed. */
export const multipartBody = (parts: TProperties) => ({
  consumes: ['multipart/form-data'],
  body: {
    content: { 'multipart/form-data': { schema: Type.Object(parts, { additionalProperties: false }) } },
  },
});

export const unvalidated: FastifySchemaCompiler<unknown> = () => () => true;

/** Everything that can be wrong with an upload: the rows of the error table about bodies, files and the LoRA inside. */
const IS_OF_UPLOADS =
  /^(MULTIPART_|UPLOAD_|DUPLICATE_PART|UNEXPECTED_PART|FILE_MISSING|FIELD_TOO|TOO_MANY|PICKLE_|UNSUPPORTED_|LFS_|ST_|CONFIG_|NO_LORA|LORA_(?!BIAS)|STORAGE_)/;

export const UPLOAD_PROBLEMS = (Object.keys(ERROR_KINDS) as ErrorCode[]).filter((code) =>
  IS_OF_UPLOADS.test(code),
);
