import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/error-kinds.ts';
import { JsonError, type JsonErrorReason } from '../json/json-error.ts';
import { parsePlainJson } from '../json/strict-json.ts';
import { fieldText } from './validation-message.ts';

/**
 * The deepest nesting of a request. The deepest valid one is POST /v1/adapters/from-uploads with an
 * adapter_config.json inside: 32 levels of its own (formats/peft/limits.ts) below 2 of the request.
 */
const MAX_REQUEST_DEPTH = 64;

const MAX_POINTER = 200;

const CODES: Readonly<Record<JsonErrorReason, ErrorCode>> = {
  encoding: 'REQUEST_JSON',
  syntax: 'REQUEST_JSON',
  'duplicate-key': 'REQUEST_DUPLICATE_KEY',
  'forbidden-key': 'REQUEST_FORBIDDEN_KEY',
  depth: 'REQUEST_TOO_DEEP',
  'number-range': 'REQUEST_NUMBER',
  'unsafe-integer': 'REQUEST_NUMBER',
  'not-integer': 'REQUEST_NUMBER',
};

/**
 * Parses the JSON of a request: a body, or a part of a multipart body. All JSON of clients goes through this
 * function.
 * @param part the name of the part; undefined for the whole body
 * @throws AppError REQUEST_JSON, REQUEST_DUPLICATE_KEY, REQUEST_FORBIDDEN_KEY, REQUEST_TOO_DEEP, REQUEST_NUMBER
 */
export function readRequestJson(bytes: Uint8Array, part?: string): unknown {
  try {
    return parsePlainJson(bytes, { maxDepth: MAX_REQUEST_DEPTH, allowBom: true });
  } catch (error) {
    throw error instanceof JsonError ? refusal(error, part) : error;
  }
}

function refusal(error: JsonError, part: string | undefined): AppError {
  const code = CODES[error.reason];
  const subject = part === undefined ? 'request' : `part "${part}"`;
  const pointer = shortened(error.path.map(escaped).join(''));
  const at = pointer === '' ? '' : `, at ${shortened(fieldText(pointer))}`;
  return new AppError(
    code,
    code === 'REQUEST_JSON'
      ? `The ${subject} is not valid JSON${at}: ${error.message}.`
      : `In the ${subject}${at}, ${error.message}.`,
    {
      ...(part !== undefined && { field: part }),
      pointer,
      position: error.position,
      ...(error.reason === 'depth' && { limit: MAX_REQUEST_DEPTH }),
    },
    { cause: error },
  );
}

/** A step of a path in a JSON pointer (RFC 6901). */
const escaped = (step: string | number): string =>
  `/${shortened(String(step)).replaceAll('~', '~0').replaceAll('/', '~1')}`;

const shortened = (text: string): string =>
  text.length <= MAX_POINTER ? text : `${text.slice(0, MAX_POINTER)}…`;
