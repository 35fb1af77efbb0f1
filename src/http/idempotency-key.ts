import { AppError } from '../errors/app-error.ts';

export const IDEMPOTENCY_KEY_HEADER = 'idempotency-key';

const MAX_LENGTH = 255;

/** A string of structured fields (RFC 9651 §3.3.3): quotes and backslashes inside are escaped. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
const BARE = /^[\x20\x21\x23-\x7e][\x20-\x7e]*$/;

/**
 * Reads the key from a header, in quotes as draft-ietf-httpapi-idempotency-key-header requires, or bare as most
 * clients send it. Both forms name the same key.
 * @throws AppError IDEMPOTENCY_KEY_INVALID
 */
export function idempotencyKey(values: readonly string[]): string {
  const [value, ...others] = values;
  if (value === undefined || others.length > 0) throw invalid('was sent more than once');
  const quoted = QUOTED.exec(value)?.[1]?.replace(/\\(.)/g, '$1');
  const key = quoted ?? (BARE.test(value) ? value : undefined);
  if (key === undefined || key === '') throw invalid('is not printable ASCII, with or without quotes');
  if (key.length > MAX_LENGTH) throw invalid(`has ${key.length} characters`);
  return key;
}

const invalid = (what: string): AppError =>
  new AppError(
    'IDEMPOTENCY_KEY_INVALID',
    `The Idempotency-Key ${what}; it must be sent once, with 1 to ${MAX_LENGTH} characters of printable ` +
      'ASCII.',
    { limit: MAX_LENGTH },
  );
