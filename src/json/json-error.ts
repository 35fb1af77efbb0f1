import { quote } from './quote.ts';

/** Why a text was refused. Callers map reasons to their own error codes. */
export type JsonErrorReason =
  /** Not UTF-8. */
  | 'encoding'
  /** Not JSON: junk, a missing bracket, a malformed literal, text after the value. */
  | 'syntax'
  /** A key appears twice in one object, after unescaping. */
  | 'duplicate-key'
  /** A key that pollutes prototypes in JavaScript readers. */
  | 'forbidden-key'
  /** Nested more deeply than the limit. */
  | 'depth'
  /** A number that no double can represent, or that has more digits than the limit. */
  | 'number-range'
  /** An integer beyond ±(2^53 − 1), which a double may round, and the caller wants doubles. */
  | 'unsafe-integer'
  /** A fraction or an exponent where the caller allows integers only. */
  | 'not-integer';

/** The error for a refused JSON text. `path` leads to the value that was being read: keys and array indices. */
export class JsonError extends Error {
  readonly reason: JsonErrorReason;
  /** Position in the decoded text (UTF-16 code units). */
  readonly position: number;
  readonly path: readonly (string | number)[];

  constructor(
    reason: JsonErrorReason,
    message: string,
    position: number,
    path: readonly (string | number)[],
  ) {
    super(`${message} at character ${position}`);
    this.name = 'JsonError';
    this.reason = reason;
    this.position = position;
    this.path = path;
  }

  /** The path as text for a message; empty at the root. */
  get where(): string {
    return this.path.map((step) => (typeof step === 'string' ? quote(step) : String(step))).join(' / ');
  }
}
