import { UsageError } from './command-error.ts';

const WHOLE = /^[+-]?\d+$/;

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
  y: 31_536_000,
};
/** A hundred years, the limit of the API. */
const MAX_SECONDS = 3_153_600_000;

/** The part of JSON Schema (TypeBox) that the fields of the contract use. */
export interface FieldSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly FieldSchema[];
  /** For a list: the schema of its items. */
  readonly items?: FieldSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/**
 * The value that the text of an option represents.
 * @param option with its hyphens, for messages
 * @throws UsageError naming the option, the text and the accepted values
 */
export function fieldValue(option: string, text: string, schema: FieldSchema): string | number {
  const value = candidates(schema)
    .map((candidate) => valueIn(text, candidate))
    .find((found) => found !== undefined);
  if (value !== undefined) return value;
  throw new UsageError(`${option} is ${JSON.stringify(text)} but must be ${fieldValues(schema)}`);
}

const candidates = (schema: FieldSchema): readonly FieldSchema[] =>
  schema.anyOf ?? schema.enum?.map((value) => ({ const: value })) ?? [schema];

function valueIn(text: string, schema: FieldSchema): string | number | undefined {
  if ('const' in schema) return text === String(schema.const) ? text : undefined;
  if (schema.type === 'string') {
    const { minLength = 0, maxLength = Infinity } = schema;
    return text.length >= minLength && text.length <= maxLength ? text : undefined;
  }
  if (text.trim() === '' || (schema.type === 'integer' && !WHOLE.test(text))) return undefined;
  const value = Number(text);
  return isWithin(value, schema) ? value : undefined;
}

function isWithin(value: number, schema: FieldSchema): boolean {
  const { minimum = -Infinity, maximum = Infinity } = schema;
  const { exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = schema;
  return (
    Number.isFinite(value) &&
    value >= minimum &&
    value <= maximum &&
    value > exclusiveMinimum &&
    value < exclusiveMaximum
  );
}

/** The values that a field may have, as the end of "must be …". */
export function fieldValues(schema: FieldSchema): string {
  const parts = candidates(schema).map((one) =>
    'const' in one ? String(one.const) : one.type === 'string' ? lengths(one) : numbers(one),
  );
  return parts.length > 1 ? `${parts.slice(0, -1).join(', ')} or ${parts.at(-1)}` : parts[0]!;
}

function lengths({ minLength = 0, maxLength }: FieldSchema): string {
  return maxLength === undefined ? 'a text' : `${minLength} to ${maxLength} characters`;
}

function numbers(schema: FieldSchema): string {
  const { type, minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const isOpen = maximum === Number.MAX_SAFE_INTEGER;
  const low =
    minimum === undefined
      ? `above ${exclusiveMinimum}`
      : maximum === undefined || isOpen
        ? `of at least ${minimum}`
        : `from ${minimum}`;
  const high = isOpen
    ? ''
    : maximum === undefined
      ? ` and below ${exclusiveMaximum}`
      : minimum === undefined
        ? ` and at most ${maximum}`
        : ` to ${maximum}`;
  return `a ${type === 'integer' ? 'whole number' : 'number'} ${low}${high}`;
}

/** The end of a time that begins now. @param text as for parseDuration @throws UsageError */
export const expiryTime = (text: string, nowMs: number): Date => new Date(nowMs + 1000 * parseDuration(text));

/**
 * Parses a duration of --expires-in to seconds.
 * @param text a whole number of minutes, hours, days, weeks or years of 365 days, such as "90d"
 * @throws UsageError
 */
export function parseDuration(text: string): number {
  const [, count, unit] = /^(\d+)([mhdwy])$/.exec(text) ?? [];
  const seconds = Number(count) * (UNIT_SECONDS[unit ?? ''] ?? Number.NaN);
  if (seconds > 0 && seconds <= MAX_SECONDS) return seconds;
  throw new UsageError(
    `--expires-in is ${JSON.stringify(text)} but must be a whole number followed by m (minutes), h, d, w or y, up to 100y, such as 90d`,
  );
}
