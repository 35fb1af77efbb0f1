import { JsonError, type JsonErrorReason } from './json-error.ts';

/**
 * Objects are Maps: they keep the order of the source even for keys like "10" (plain objects do not), and no key
 * means anything special to them. Integers beyond ±(2^53 − 1) are bigints, so that nothing is rounded silently;
 * every other number is a finite double. "-0" is the number −0.
 */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | JsonObject;
export type JsonObject = Map<string, JsonValue>;

export interface StrictJsonOptions {
  /** Deepest nesting of arrays and objects. */
  readonly maxDepth: number;
  /** Refuses fractions and exponents (reason "not-integer"), also where the value is whole, as in 16.0. */
  readonly integersOnly?: boolean;
}

/** Longer integers are refused: nobody means them, and converting millions of digits takes seconds. */
const MAX_INTEGER_DIGITS = 1000;

/** Keys through which `object[key] = value` reaches prototypes. No honest file of ours needs them. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const HEX4 = /^[0-9a-fA-F]{4}$/;
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Reads one JSON text (RFC 8259) from a stranger. Stricter than `JSON.parse`: UTF-8 without BOM, no duplicate keys,
 * no prototype keys, bounded depth, no number that a double cannot hold, no lone surrogates.
 * @throws JsonError
 */
export function parseStrictJson(bytes: Uint8Array, options: StrictJsonOptions): JsonValue {
  return new Reader(decodeUtf8(bytes), options).whole();
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new JsonError('encoding', 'not valid UTF-8', 0, []);
  }
}

class Reader {
  readonly #text: string;
  readonly #options: StrictJsonOptions;
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(text: string, options: StrictJsonOptions) {
    this.#text = text;
    this.#options = options;
  }

  whole(): JsonValue {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail('syntax', 'text after the end of the value');
    return value;
  }

  #value(depth: number): JsonValue {
    this.#skipSpace();
    switch (this.#text.charCodeAt(this.#at)) {
      case OPEN_BRACE:
        return this.#object(depth + 1);
      case OPEN_BRACKET:
        return this.#array(depth + 1);
      case QUOTE:
        return this.#string();
      case 0x74:
        return this.#literal('true', true);
      case 0x66:
        return this.#literal('false', false);
      case 0x6e:
        return this.#literal('null', null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonObject {
    this.#enter(depth);
    const object: JsonObject = new Map();
    if (this.#takes(CLOSE_BRACE)) return object;
    do {
      this.#skipSpace();
      if (this.#text.charCodeAt(this.#at) !== QUOTE) this.#fail('syntax', 'a key in quotes is missing');
      const key = this.#string();
      this.#path.push(key);
      if (FORBIDDEN_KEYS.has(key)) this.#fail('forbidden-key', `the key "${key}" is forbidden`);
      if (object.has(key)) this.#fail('duplicate-key', 'the key appears twice');
      if (!this.#takes(COLON)) this.#fail('syntax', '":" is missing');
      object.set(key, this.#value(depth));
      this.#path.pop();
    } while (this.#takes(COMMA));
    if (!this.#takes(CLOSE_BRACE)) this.#fail('syntax', '"," or "}" is missing');
    return object;
  }

  #array(depth: number): JsonValue[] {
    this.#enter(depth);
    const array: JsonValue[] = [];
    if (this.#takes(CLOSE_BRACKET)) return array;
    do {
      this.#path.push(array.length);
      array.push(this.#value(depth));
      this.#path.pop();
    } while (this.#takes(COMMA));
    if (!this.#takes(CLOSE_BRACKET)) this.#fail('syntax', '"," or "]" is missing');
    return array;
  }

  #enter(depth: number): void {
    const { maxDepth } = this.#options;
    if (depth > maxDepth) this.#fail('depth', `nested more than ${maxDepth} deep`);
    this.#at += 1;
  }

  #string(): string {
    const text = this.#text;
    let done = '';
    let start = this.#at + 1;
    for (let at = start; ; at += 1) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return done + text.slice(start, at);
      }
      if (code === BACKSLASH) {
        this.#at = at;
        done += text.slice(start, at) + this.#escape();
        start = this.#at;
        at = start - 1;
      } else if (!(code >= 0x20)) {
        // also NaN: the end of the text
        this.#at = at;
        this.#fail('syntax', at < text.length ? 'a control character in a string' : 'a string has no end');
      }
    }
  }

  /** Reads an escape sequence at the cursor; a pair of \u surrogates counts as one. */
  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    if (letter !== 'u') {
      const plain = ESCAPES.get(letter) ?? this.#fail('syntax', 'an unknown escape sequence');
      this.#at += 2;
      return plain;
    }
    const first = this.#hexUnit();
    if (first < 0xd800 || first > 0xdfff) return String.fromCharCode(first);
    // A lone surrogate has no UTF-8 form: names holding one could not be written back.
    const second = first <= 0xdbff && this.#text.startsWith('\\u', this.#at) ? this.#hexUnit() : 0;
    if (second < 0xdc00 || second > 0xdfff) this.#fail('syntax', 'a lone surrogate in a string');
    return String.fromCharCode(first, second);
  }

  #hexUnit(): number {
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (!HEX4.test(digits)) this.#fail('syntax', 'four hexadecimal digits must follow \\u');
    this.#at += 6;
    return Number.parseInt(digits, 16);
  }

  #number(): number | bigint {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (!match) {
      this.#fail('syntax', this.#at < this.#text.length ? 'no JSON value' : 'the text ends too early');
    }
    const [token, fraction, exponent] = match;
    if (fraction === undefined && exponent === undefined) {
      if (token.length > MAX_INTEGER_DIGITS) {
        this.#fail('number-range', `a number of ${token.length} digits (at most ${MAX_INTEGER_DIGITS})`);
      }
      this.#at += token.length;
      const value = Number(token);
      return Number.isSafeInteger(value) ? value : BigInt(token);
    }
    if (this.#options.integersOnly) this.#fail('not-integer', 'a number that is not an integer');
    const value = Number(token);
    if (!Number.isFinite(value)) this.#fail('number-range', 'a number that is not finite');
    this.#at += token.length;
    return value;
  }

  #literal<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail('syntax', 'no JSON value');
    this.#at += word.length;
    return value;
  }

  #takes(code: number): boolean {
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    for (; ; this.#at += 1) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  #fail(reason: JsonErrorReason, message: string): never {
    throw new JsonError(reason, message, this.#at, [...this.#path]);
  }
}
