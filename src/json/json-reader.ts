import { JsonError, type JsonErrorReason } from './json-error.ts';
import { quote } from './quote.ts';

/** Longer integers are refused: they are never intended, and converting millions of digits takes seconds. */
const MAX_INTEGER_DIGITS = 1000;
const MAX_SHOWN_DIGITS = 40;
/** Any integer with this many digits is below 2^53. */
const SHORT_DIGITS = 15;

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
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const POINT = 0x2e;
const UPPER_E = 0x45;
const LOWER_E = 0x65;

/** What a reader refuses, and how it represents objects and large integers. */
export interface JsonKind<Members> {
  /** Deepest nesting of arrays and objects. */
  readonly maxDepth: number;
  readonly integersOnly: boolean;
  readonly forbiddenKeys: ReadonlySet<string>;
  readonly open: () => Members;
  readonly has: (object: Members, key: string) => boolean;
  readonly put: (object: Members, key: string, value: unknown) => void;
  /** The value for an integer beyond ±(2^53 − 1); undefined: such integers are refused. */
  readonly largeInteger: ((token: string) => unknown) | undefined;
}

/**
 * Reads a decoded text by the rules of RFC 8259, without lone surrogates and with no key twice in an object. Recursion is
 * bounded by `maxDepth`.
 */
export class JsonReader<Members> {
  readonly #text: string;
  readonly #kind: JsonKind<Members>;
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(text: string, kind: JsonKind<Members>) {
    this.#text = text;
    this.#kind = kind;
  }

  whole(): unknown {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail('syntax', 'text follows the end of the value');
    return value;
  }

  #value(depth: number): unknown {
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

  #object(depth: number): Members {
    this.#enter(depth);
    const { open, has, put, forbiddenKeys } = this.#kind;
    const object = open();
    if (this.#takes(CLOSE_BRACE)) return object;
    do {
      this.#skipSpace();
      if (this.#text.charCodeAt(this.#at) !== QUOTE) this.#fail('syntax', 'a key in quotes is missing');
      const key = this.#string();
      this.#path.push(key);
      if (forbiddenKeys.has(key)) this.#fail('forbidden-key', `the key ${quote(key)} is forbidden`);
      if (has(object, key)) this.#fail('duplicate-key', `the key ${quote(key)} appears twice`);
      if (!this.#takes(COLON)) this.#fail('syntax', '":" is missing');
      put(object, key, this.#value(depth));
      this.#path.pop();
    } while (this.#takes(COMMA));
    if (!this.#takes(CLOSE_BRACE)) this.#fail('syntax', '"," or "}" is missing');
    return object;
  }

  #array(depth: number): unknown[] {
    this.#enter(depth);
    const array: unknown[] = [];
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
    const { maxDepth } = this.#kind;
    if (depth > maxDepth) this.#fail('depth', `the value is nested more than ${maxDepth} levels deep`);
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
        this.#fail(
          'syntax',
          at < text.length ? 'a string contains a control character' : 'a string is not closed',
        );
      }
    }
  }

  /** Reads an escape sequence at the cursor; a pair of \u surrogates counts as one. */
  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    if (letter !== 'u') {
      const plain = ESCAPES.get(letter) ?? this.#fail('syntax', 'an escape sequence is unknown');
      this.#at += 2;
      return plain;
    }
    const first = this.#hexUnit();
    if (first < 0xd800 || first > 0xdfff) return String.fromCharCode(first);
    // A lone surrogate has no UTF-8 form: names holding one could not be written back.
    const second = first <= 0xdbff && this.#text.startsWith('\\u', this.#at) ? this.#hexUnit() : 0;
    if (second < 0xdc00 || second > 0xdfff) this.#fail('syntax', 'a string contains a lone surrogate');
    return String.fromCharCode(first, second);
  }

  #hexUnit(): number {
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (!HEX4.test(digits)) this.#fail('syntax', 'four hexadecimal digits must follow \\u');
    this.#at += 6;
    return Number.parseInt(digits, 16);
  }

  #number(): unknown {
    const short = this.#shortInteger();
    if (short !== undefined) return short;
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (!match) {
      this.#fail(
        'syntax',
        this.#at < this.#text.length ? 'a JSON value is expected' : 'the text ends too early',
      );
    }
    const [token, fraction, exponent] = match;
    if (fraction === undefined && exponent === undefined) {
      if (token.length > MAX_INTEGER_DIGITS) {
        this.#fail(
          'number-range',
          `a number has ${token.length} digits (the limit is ${MAX_INTEGER_DIGITS})`,
        );
      }
      this.#at += token.length;
      const value = Number(token);
      if (Number.isSafeInteger(value)) return value;
      const { largeInteger } = this.#kind;
      return largeInteger ? largeInteger(token) : this.#failInteger(token);
    }
    if (this.#kind.integersOnly) this.#fail('not-integer', 'a number is not an integer');
    const value = Number(token);
    if (!Number.isFinite(value)) this.#fail('number-range', 'a number is not finite');
    this.#at += token.length;
    return value;
  }

  /**
   * Reads a common integer without a regular expression or conversion; returns undefined for every other number and
   * consumes nothing.
   */
  #shortInteger(): number | undefined {
    const text = this.#text;
    const start = this.#at;
    let value = 0;
    for (let at = start; at - start <= SHORT_DIGITS; at += 1) {
      const code = text.charCodeAt(at);
      if (code >= DIGIT_0 && code <= DIGIT_9) value = value * 10 + code - DIGIT_0;
      else if (at === start || code === POINT || code === LOWER_E || code === UPPER_E) return undefined;
      else {
        if (text.charCodeAt(start) === DIGIT_0 && at - start > 1) return undefined;
        this.#at = at;
        return value;
      }
    }
    return undefined;
  }

  #failInteger(token: string): never {
    const shown = token.length <= MAX_SHOWN_DIGITS ? token : `${token.slice(0, MAX_SHOWN_DIGITS)}…`;
    this.#at -= token.length;
    this.#fail('unsafe-integer', `the integer ${shown} is beyond ±${Number.MAX_SAFE_INTEGER}`);
  }

  #literal<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail('syntax', 'a JSON value is expected');
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
