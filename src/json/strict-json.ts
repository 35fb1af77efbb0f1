import { Buffer, isUtf8 } from 'node:buffer';
import { JsonError } from './json-error.ts';
import { JsonReader } from './json-reader.ts';

/**
 * Objects are Maps: they keep the order of the source even for keys like "10" (plain objects do not), and no key
 * means anything special to them. Integers beyond ±(2^53 − 1) are bigints, so that nothing is rounded silently;
 * every other number is a finite double. "-0" is the number −0.
 */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | JsonObject;
export type JsonObject = Map<string, JsonValue>;

/** The same values as plain objects and doubles, in the form that `JSON.parse` returns. */
export type PlainJson = null | boolean | number | string | PlainJson[] | PlainObject;
export type PlainObject = { [key: string]: PlainJson };

interface Limits {
  /** Deepest nesting of arrays and objects. */
  readonly maxDepth: number;
  /** Skips a byte order mark, which editors on Windows write. Otherwise it is a syntax error. */
  readonly allowBom?: boolean;
}

export interface StrictJsonOptions extends Limits {
  /** Refuses fractions and exponents (reason "not-integer"), even if the value is whole, as in 16.0. */
  readonly integersOnly?: boolean;
}

export interface PlainJsonOptions extends Limits {
  /**
   * What to do with integers beyond ±(2^53 − 1), which a double may round: they are refused (reason "unsafe-integer";
   * RFC 7493, section 2.2) unless `round` is requested, which suits measured values that may be large whole numbers.
   */
  readonly largeIntegers?: 'refuse' | 'round';
}

/** Keys through which `object[key] = value` could change prototypes. No legitimate file needs them. */
const FORBIDDEN_IN_MAPS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** The only key that is special in a plain object. Labels may well be called "prototype". */
const FORBIDDEN_IN_OBJECTS: ReadonlySet<string> = new Set(['__proto__']);

/**
 * Parses one untrusted JSON text (RFC 8259). Stricter than `JSON.parse`: UTF-8 without BOM, no duplicate keys, no
 * prototype keys, bounded depth, no number that a double cannot represent, no lone surrogates.
 * @throws JsonError
 */
export function parseStrictJson(bytes: Uint8Array, options: StrictJsonOptions): JsonValue {
  const reader = new JsonReader<JsonObject>(decodeUtf8(bytes, options), {
    maxDepth: options.maxDepth,
    integersOnly: options.integersOnly ?? false,
    forbiddenKeys: FORBIDDEN_IN_MAPS,
    open: () => new Map(),
    has: (object, key) => object.has(key),
    put: (object, key, value) => object.set(key, value as JsonValue),
    largeInteger: BigInt,
  });
  return reader.whole() as JsonValue;
}

/**
 * Parses with the same rules into plain objects, for code such as schema validators. Only the key `__proto__` is
 * forbidden: "constructor" and "prototype" become ordinary own properties.
 * @throws JsonError
 */
export function parsePlainJson(bytes: Uint8Array, options: PlainJsonOptions): PlainJson {
  const reader = new JsonReader<PlainObject>(decodeUtf8(bytes, options), {
    maxDepth: options.maxDepth,
    integersOnly: false,
    forbiddenKeys: FORBIDDEN_IN_OBJECTS,
    open: () => ({}),
    has: (object, key) => Object.hasOwn(object, key),
    put: (object, key, value) => {
      object[key] = value as PlainJson;
    },
    largeInteger: options.largeIntegers === 'round' ? Number : undefined,
  });
  return reader.whole() as PlainJson;
}

function decodeUtf8(bytes: Uint8Array, { allowBom = false }: Limits): string {
  const hasBom = allowBom && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const { buffer, byteOffset, byteLength } = hasBom ? bytes.subarray(3) : bytes;
  const source = Buffer.from(buffer, byteOffset, byteLength);
  const text = source.toString('utf8');
  if (isUtf8(source)) return text;
  // Invalid bytes were decoded as U+FFFD, so encoding the text again gives different bytes at their position.
  const again = Buffer.from(text, 'utf8');
  const bad = source.findIndex((byte, index) => byte !== again[index]);
  const good = bad < 0 ? source : source.subarray(0, bad);
  throw new JsonError('encoding', 'the text is not valid UTF-8', good.toString('utf8').length, []);
}
