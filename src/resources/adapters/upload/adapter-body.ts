import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { CARD_FILE, CONFIG_FILE, WEIGHTS_FILE } from '../../../adapter/file-names.ts';
import { AdapterName } from '../../../contract/adapter.ts';
import { SqueezeRequest } from '../../../contract/job-request.ts';
import { Labels, TtlSeconds } from '../../../contract/labels.ts';
import { invalidRequest } from '../../../http/app-error-of.ts';
import { type BodyParts, REQUEST_FIELD } from '../../../http/multipart/body-parts.ts';
import { readRequestJson } from '../../../http/request-json.ts';
import { BINARY, reference } from '../../../http/schemas.ts';
import type { SchemaError } from '../../../http/validation-message.ts';
import type { Keeping } from '../service.ts';

/** How long an adapter is kept, and what it is called by. */
const NAME_FIELD = 'name';
const LABELS_FIELD = 'labels';
const TTL_FIELD = 'ttl_seconds';

/** The body of POST /v1/adapters. */
export const ADAPTER_BODY: BodyParts = {
  files: [WEIGHTS_FILE],
  // Where the format has one its reader asks for it.
  optionalFiles: [CONFIG_FILE],
  droppedFiles: [CARD_FILE],
  isAnyFormat: true,
  fields: [NAME_FIELD, LABELS_FIELD, TTL_FIELD],
  // Two files, a card, labels, a time to live and one too many.
  maxParts: 6,
};

/** The body of POST /v1/squeeze: two files, a card, the request and one too many. */
export const SQUEEZE_BODY: BodyParts = { ...ADAPTER_BODY, fields: [REQUEST_FIELD], maxParts: 5 };

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

const keeping = {
  [NAME_FIELD]: Type.Optional(AdapterName),
  [LABELS_FIELD]: Type.Optional(Labels),
  [TTL_FIELD]: Type.Optional(TtlSeconds),
};

/** The same bodies as the contract has them. */
export const adapterParts = Type.Object({ ...files, ...keeping }, { additionalProperties: false });
export const squeezeParts = Type.Object(
  { ...files, [REQUEST_FIELD]: reference(SqueezeRequest) },
  { additionalProperties: false },
);

/** One object: what is compiled of it is kept by it, and for ever. */
const KeepingFields = Type.Object(keeping, { additionalProperties: false });

/**
 * How an uploaded adapter is to be kept: the fields `name`, a text, `labels`, a JSON object, and `ttl_seconds`, a number.
 * @throws AppError REQUEST_*, VALIDATION_FAILED, UNKNOWN_OPTION
 */
export function keepingOf(request: FastifyRequest, fields: ReadonlyMap<string, Buffer>): Keeping {
  const sent = [LABELS_FIELD, TTL_FIELD].flatMap((name) => {
    const bytes = fields.get(name);
    return bytes ? [[name, readRequestJson(bytes, name)]] : [];
  });
  const named = fields.get(NAME_FIELD);
  if (named) sent.push([NAME_FIELD, named.toString('utf8')]);
  const values = Object.fromEntries(sent) as Static<typeof KeepingFields>;
  const validate = request.compileValidationSchema(KeepingFields, 'body');
  if (!validate(values)) throw invalidRequest((validate.errors ?? []) as readonly SchemaError[]);
  const { name, labels, ttl_seconds: ttlSeconds } = values;
  return {
    ...(name !== undefined && { name }),
    ...(labels && { labels }),
    ...(ttlSeconds !== undefined && { ttlSeconds }),
  };
}
