import type { Readable } from 'node:stream';

const MAX_KEY_LENGTH = 512;
const SEGMENT = /^[a-z0-9_-][a-z0-9._-]*$/;

/** The top-level folder of unfinished files; no key may lead into it. */
export const SCRATCH_FOLDER = 'tmp';

/** Bytes [start, end] of a blob, both inclusive, as in an HTTP Range header. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The durable storage. Keys are relative paths of [a-z0-9._/-], which only the service creates.
 * A blob appears complete or not at all, and after `putFile`/`put` have returned it survives a power failure.
 * Failures throw AppError STORAGE_FULL or STORAGE_FAILED (both retryable).
 */
export interface BlobStore {
  /** Moves a finished local file (created in a scratch folder) to `key`, replacing an existing blob. */
  putFile(key: string, localPath: string): Promise<void>;
  /** Writes a small blob, atomically replacing an existing one. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** The whole content of a small blob; undefined if it does not exist. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** The size of a blob; undefined if it does not exist. */
  stat(key: string): Promise<{ readonly bytes: number } | undefined>;
  /** A stream of the blob, or of a range of it. The blob must exist. */
  read(key: string, range?: ByteRange): Promise<Readable>;
  /**
   * A local file with the content of a blob that is never replaced, for random access. The caller must not write or
   * remove it.
   * @param bytes its size
   */
  localFile(key: string, bytes: number): Promise<string>;
  /** Keys under a prefix, in code unit order, after `after`. */
  list(prefix: string, options?: { after?: string; limit?: number }): Promise<string[]>;
  /** Removes a blob; does nothing if there is none. */
  remove(key: string): Promise<void>;
  /** A new private folder for temporary files; the caller removes it. Leftovers are swept at the start. */
  makeScratch(): Promise<string>;
  /** Throws if a small write fails. For /readyz. */
  check(): Promise<void>;
  /** Throws if nothing can be read at all. For /readyz. */
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
 * Returns the key, or throws: only the service creates keys, so an invalid one is a fault of the program, and the
 * disk must not be touched. Segments may not start with a dot, which rules out "." and "..".
 * @throws TypeError
 */
export function checkedKey(key: string): string {
  if (!isBlobKey(key)) throw new TypeError(`Not a blob key: ${JSON.stringify(key.slice(0, MAX_KEY_LENGTH))}`);
  return key;
}
