import { Type } from 'typebox';
import { CARD_FILE, CONFIG_FILE, WEIGHTS_FILE } from '../../../adapter/file-names.ts';
import { AdapterName } from '../../../contract/adapter.ts';
import { SqueezeRequest } from '../../../contract/job-request.ts';
import { Labels, TtlSeconds } from '../../../contract/labels.ts';
import { ERROR_KINDS, type ErrorCode } from '../../../errors/app-error.ts';
import { REQUEST_FIELD } from '../../../http/multipart/body-parts.ts';
import { BINARY, reference } from '../../../http/schemas.ts';
import { LABELS_FIELD, NAME_FIELD, TTL_FIELD } from './adapter-body.ts';

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

/** Everything that can be wrong with an upload: the rows of the error table about bodies, files and the LoRA inside. */
const IS_OF_UPLOADS =
  /^(MULTIPART_|UPLOAD_(?=ABORTED|TOO_)|DIGEST_|DUPLICATE_PART|UNEXPECTED_PART|FILE_MISSING|FIELD_TOO|TOO_MANY|PICKLE_|UNSUPPORTED_|LFS_|ST_|GGUF_|CONFIG_|FORMAT_MIXED|NO_LORA|LORA_(?!BIAS)|STORAGE_|QUOTA_STORED)/;

export const UPLOAD_PROBLEMS = (Object.keys(ERROR_KINDS) as ErrorCode[]).filter((code) =>
  IS_OF_UPLOADS.test(code),
);
