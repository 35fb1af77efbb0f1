import { Buffer } from 'node:buffer';
import { RE2JS } from 're2js';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { MAX_MATCH_STEPS, MAX_PATTERN_BYTES } from './limits.ts';

/** Keys without special characters; "." means itself. */
const LITERAL = /^[\w.]+$/;
/** Keys that mean one whole name: "^" and characters of which the special ones are escaped. This service writes such keys. */
const EXACT = /^\^((?:[^\\^$.*+?()[\]{}|]|\\[\\^$.*+?()[\]{}|])+)$/;

interface Expression {
  readonly position: number;
  readonly compiled: RE2JS;
  readonly size: number;
}

/**
 * PEFT's rank_pattern or alpha_pattern. A key applies to a module when Python's
 * `re.match(rf"^(.*\.)?({key})$", module_name)` finds something, so it also applies to longer names that end in
 * ".key"; of several, the first in the order of the file wins (peft/utils/other.py, `get_pattern_key`).
 *
 * Literal keys are looked up among the suffixes of the name, exact ones by the name; all others run on RE2, in linear
 * time. There are two differences from Python's `re`: "." in a literal key stands for a dot only, and \w and \d are ASCII.
 */
export class PatternTable<T> {
  readonly #values: T[] = [];
  readonly #literals = new Map<string, number>();
  readonly #exact = new Map<string, number>();
  readonly #expressions: Expression[] = [];
  readonly #field: string;
  #steps = 0;

  /**
   * @param field name of the field, for messages
   * @param entries in the order of the file
   * @throws AppError CONFIG_REGEX for an expression that RE2 cannot read, CONFIG_TOO_LARGE for a pattern above the limit
   */
  constructor(field: string, entries: Iterable<readonly [key: string, value: T]>) {
    this.#field = field;
    for (const [key, value] of entries) {
      const position = this.#values.push(value) - 1;
      const exact = EXACT.exec(key)?.[1]?.replace(/\\(.)/g, '$1');
      if (LITERAL.test(key)) this.#literals.set(key, position);
      else if (exact !== undefined)
        this.#exact.set(exact, Math.min(position, this.#exact.get(exact) ?? position));
      else this.#expressions.push(compile(field, key, position));
    }
  }

  /**
   * The value for a module, or undefined when no key applies.
   * @throws AppError CONFIG_TOO_LARGE when matching would take too long
   */
  find(moduleName: string): T | undefined {
    let first = Math.min(
      this.#firstLiteral(moduleName),
      this.#exact.get(moduleName) ?? Number.POSITIVE_INFINITY,
    );
    for (const { position, compiled, size } of this.#expressions) {
      if (position > first) break;
      this.#spend(size * (moduleName.length + 1));
      if (compiled.matcher(moduleName).lookingAt()) {
        first = position;
        break;
      }
    }
    return this.#values[first];
  }

  /** Position of the first literal key equal to the name or to what follows one of its dots. */
  #firstLiteral(moduleName: string): number {
    let first = Number.POSITIVE_INFINITY;
    if (this.#literals.size === 0) return first;
    for (let start = 0; ; ) {
      first = Math.min(first, this.#literals.get(moduleName.slice(start)) ?? first);
      const dot = moduleName.indexOf('.', start);
      if (dot === -1) return first;
      start = dot + 1;
    }
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps <= MAX_MATCH_STEPS) return;
    throw new AppError(
      'CONFIG_TOO_LARGE',
      `In adapter_config.json, ${this.#field} has too many expressions for this many modules.`,
      { field: this.#field, limit_steps: MAX_MATCH_STEPS },
    );
  }
}

function compile(field: string, key: string, position: number): Expression {
  const bytes = Buffer.byteLength(key);
  if (bytes > MAX_PATTERN_BYTES) {
    throw new AppError(
      'CONFIG_TOO_LARGE',
      `In adapter_config.json, the key ${quote(key)} of ${field} has ${bytes} bytes, but may have at most ${MAX_PATTERN_BYTES}.`,
      { field, bytes, limit_bytes: MAX_PATTERN_BYTES },
    );
  }
  try {
    const compiled = RE2JS.compile(`^(.*\\.)?(${key})$`);
    return { position, compiled, size: compiled.programSize() };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError(
      'CONFIG_REGEX',
      `In adapter_config.json, the key ${quote(key)} of ${field} is not a valid expression in RE2 syntax, which has no ` +
        `look-around and no back-references: ${quote(reason)}.`,
      { field, key },
    );
  }
}

/** The message of an error of PatternTable, without the file: the pattern may also belong to a request. */
export const messageWithoutFile = (message: string): string =>
  message.replace(/^In adapter_config\.json, ([a-z])/, (_all, first: string) => first.toUpperCase());
