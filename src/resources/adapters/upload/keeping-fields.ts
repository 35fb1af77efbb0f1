import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { AdapterName } from '../../../contract/adapter.ts';
import { Labels, TtlSeconds } from '../../../contract/labels.ts';
import { invalidRequest } from '../../../http/app-error-of.ts';
import { readRequestJson } from '../../../http/request-json.ts';
import type { SchemaError } from '../../../http/validation-message.ts';
import type { Keeping } from '../service.ts';
import { LABELS_FIELD, NAME_FIELD, TTL_FIELD } from './adapter-body.ts';

const KeepingFields = Type.Object(
  {
    [NAME_FIELD]: Type.Optional(AdapterName),
    [LABELS_FIELD]: Type.Optional(Labels),
    [TTL_FIELD]: Type.Optional(TtlSeconds),
  },
  { additionalProperties: false },
);

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
