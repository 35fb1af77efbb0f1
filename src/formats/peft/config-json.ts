import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { JsonError, type JsonErrorReason } from '../../json/json-error.ts';
import { type JsonObject, type JsonValue, parseStrictJson } from '../../json/strict-json.ts';
import { MAX_CONFIG_BYTES, MAX_CONFIG_DEPTH, MAX_CONFIG_FIELDS } from './limits.ts';

/** Error codes of faulty JSON of a configuration, by the reason that its parser gives. */
export const CONFIG_JSON_CODES: Readonly<Record<JsonErrorReason, ErrorCode>> = {
  encoding: 'CONFIG_JSON',
  syntax: 'CONFIG_JSON',
  'duplicate-key': 'CONFIG_DUPLICATE_KEY',
  'forbidden-key': 'CONFIG_FORBIDDEN_KEY',
  depth: 'CONFIG_TOO_DEEP',
  'number-range': 'CONFIG_JSON',
  'unsafe-integer': 'CONFIG_INVALID',
  'not-integer': 'CONFIG_JSON',
};

/**
 * The bytes of adapter_config.json as an ordered object. A UTF-8 BOM, which Windows editors add, is ignored.
 * @throws AppError CONFIG_TOO_LARGE, CONFIG_TOO_DEEP, CONFIG_DUPLICATE_KEY, CONFIG_FORBIDDEN_KEY, CONFIG_JSON,
 *   CONFIG_INVALID; CONFIG_RANK and CONFIG_ALPHA if a rank or an alpha is a number that a double cannot represent
 */
export function parseConfigJson(bytes: Uint8Array): JsonObject {
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw new AppError(
      'CONFIG_TOO_LARGE',
      `adapter_config.json has ${bytes.length} bytes, but may have at most ${MAX_CONFIG_BYTES}.`,
      { bytes: bytes.length, limit_bytes: MAX_CONFIG_BYTES },
    );
  }
  const value = parse(bytes);
  if (!(value instanceof Map)) {
    throw new AppError('CONFIG_INVALID', 'adapter_config.json must be a JSON object.');
  }
  if (value.size > MAX_CONFIG_FIELDS) {
    throw new AppError(
      'CONFIG_TOO_LARGE',
      `adapter_config.json has ${value.size} fields, but may have at most ${MAX_CONFIG_FIELDS}.`,
      { fields: value.size, limit_fields: MAX_CONFIG_FIELDS },
    );
  }
  return value;
}

/**
 * A JSON value as plain objects, for code that does not interpret it.
 * @throws AppError CONFIG_INVALID for integers that a double would round
 */
export function toPlain(value: JsonValue, field: string): unknown {
  if (typeof value === 'bigint') {
    throw new AppError('CONFIG_INVALID', `In adapter_config.json, ${field} has an integer beyond ±2^53.`, {
      field,
    });
  }
  if (Array.isArray(value)) return value.map((item) => toPlain(item, field));
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([key, item]) => [key, toPlain(item, field)]));
}

function parse(bytes: Uint8Array): JsonValue {
  try {
    return parseStrictJson(bytes, { maxDepth: MAX_CONFIG_DEPTH, allowBom: true });
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const where = error.where === '' ? 'In adapter_config.json' : `In adapter_config.json, at ${error.where}`;
    throw new AppError(codeOf(error), `${where}, ${error.message}.`, { position: error.position });
  }
}

function codeOf({ reason, path: [field] }: JsonError): ErrorCode {
  if (reason === 'number-range' && (field === 'r' || field === 'rank_pattern')) return 'CONFIG_RANK';
  if (reason === 'number-range' && (field === 'lora_alpha' || field === 'alpha_pattern'))
    return 'CONFIG_ALPHA';
  return CONFIG_JSON_CODES[reason];
}
