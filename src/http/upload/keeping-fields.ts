import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Labels, TtlSeconds } from '../../contract/labels.ts';
import { AppError } from '../../errors.ts';
import type { Keeping } from '../../service/adapter-service.ts';
import { invalidRequest } from '../app-error-of.ts';
import type { SchemaError } from '../validation-message.ts';
import { LABELS_FIELD, TTL_FIELD } from './body-parts.ts';

const KeepingFields = Type.Object(
  { [LABELS_FIELD]: Type.Optional(Labels), [TTL_FIELD]: Type.Optional(TtlSeconds) },
  { additionalProperties: false },
);

/**
 * How an uploaded adapter is to be kept: the fields `labels`, a JSON object, and `ttl_seconds`, a number.
 * @param fields texts, or already parsed where the part said that it is JSON
 * @throws AppError REQUEST_JSON, VALIDATION_FAILED
 */
export function keepingOf(request: FastifyRequest, fields: ReadonlyMap<string, unknown>): Keeping {
  const sent = [LABELS_FIELD, TTL_FIELD]
    .filter((name) => fields.has(name))
    .map((name) => [name, parsedField(name, fields.get(name))]);
  const values = Object.fromEntries(sent) as Static<typeof KeepingFields>;
  const validate = request.compileValidationSchema(KeepingFields, 'body');
  if (!validate(values)) throw invalidRequest((validate.errors ?? []) as readonly SchemaError[]);
  const { labels, ttl_seconds: ttlSeconds } = values;
  return { ...(labels && { labels }), ...(ttlSeconds !== undefined && { ttlSeconds }) };
}

function parsedField(name: string, sent: unknown): unknown {
  if (typeof sent !== 'string') return sent;
  try {
    return JSON.parse(sent);
  } catch (error) {
    const message = `The part "${name}" is not valid JSON: ${(error as SyntaxError).message}.`;
    throw new AppError('REQUEST_JSON', message, { field: name }, { cause: error });
  }
}
