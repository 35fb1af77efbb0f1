import { Type } from 'typebox';
import { CARD_FILE, CONFIG_FILE, WEIGHTS_FILE } from '../../../adapter/file-names.ts';
import { AdapterName } from '../../../contract/adapter.ts';
import { SqueezeRequest } from '../../../contract/job-request.ts';
import { Labels, TtlSeconds } from '../../../contract/labels.ts';
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
