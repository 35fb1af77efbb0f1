import type { Readable } from 'node:stream';

const MAX_KEY_LENGTH = 512;
const SEGMENT = /^[a-z0-9_-][a-z0-9._-]*$/;

/** Top-level folder of half-written files; no key may lead into it. */
export const SCRATCH_FOLDER = 'tmp';

/** Bytes [start, end] of a blob, both inclusive, as in an HTTP Range header. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Where everything durable lives. Keys are relative paths of [a-z0-9._/-], made by our code only.
 * A blob appears complete or not at all, and stays after `putFile`/`put` returned even if the power fails.
 * Failures throw AppError STORAGE_FULL or STORAGE_FAILED (both retryable).
 */
export interface BlobStore {
  /** Moves a finished local file (made in `scratchDir`) to `key`. An existing blob of that key is replaced. */
  putFile(key: string, localPath: string): Promise<void>;
  /** Writes a small blob, atomically replacing an older one. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** The whole of a small blob, or undefined. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Size of a blob, or undefined. */
  stat(key: string): Promise<{ readonly bytes: number } | undefined>;
  /** A stream of the blob, or of a range of it. The blob must exist. */
  read(key: string, range?: ByteRange): Promise<Readable>;
  /**
   * A local file with the content of a blob that is never replaced, for random access. Never to be written or removed by the
   * caller.
   * @param bytes its size
   */
  localFile(key: string, bytes: number): Promise<string>;
  /** Keys under a prefix, in code unit order, after `after`. */
  list(prefix: string, options?: { after?: string; limit?: number }): Promise<string[]>;
  /** Removes a blob; quietly does nothing when there is none. */
  remove(key: string): Promise<void>;
  /** A fresh private folder for files on their way in; the caller removes it. Leftovers are swept at start. */
  makeScratch(): Promise<string>;
  /** Throws unless a small write succeeds. For /readyz. */
  check(): Promise<void>;
  /** Throws when nothing can be read at all. For /readyz. */
  checkReads(): Promise<void>;
}

export function isBlobKey(key: string): boolean {
  const segments = key.split('/');
  return (
    key.length <= MAX_KEY_LENGTH &&
    segments.every((segment) => SEGMENT.test(segment)) &&
    segments[0] !== SCRATCH_FOLDER
  );
}

/**
 * Returns the key, or throws: keys are made by our own code, so a bad one is a mistake in the program and never a
 * reason to touch the disk. Segments may not start with a dot, which rules out "." and "..".
 * @throws TypeError
 */
export function checkedKey(key: string): string {
  if (!isBlobKey(key)) throw new TypeError(`Not a blob key: ${JSON.stringify(key.slice(0, MAX_KEY_LENGTH))}`);
  return key;
}
