import { open } from 'node:fs/promises';
import type { StreamValidator } from './stream-validator.ts';

/** Large enough to read most headers at once. */
const CHUNK_BYTES = 64 * 1024;

/** A validator that extracts the header of a file. */
export interface HeaderValidator<T> extends StreamValidator<T> {
  /** Set as soon as the whole header has passed through. */
  readonly header: T | undefined;
}

/**
 * Reads the beginning of a file through a validator, applying the same checks as an upload.
 * @param isWanted called with the first bytes of the file, at most 64 KiB; returns false if the file is of another
 *   kind
 * @returns null for a file that is not wanted
 * @throws what the validator throws; errors of the file system unchanged
 */
export async function readFileHeader<T>(
  path: string,
  validator: HeaderValidator<T>,
  isWanted: (firstBytes: Uint8Array) => boolean = () => true,
): Promise<T | null> {
  const file = await open(path, 'r');
  try {
    const { size: totalBytes } = await file.stat();
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let position = 0; !validator.header; ) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      const bytes = buffer.subarray(0, bytesRead);
      if (position === 0 && !isWanted(bytes)) return null;
      if (bytesRead === 0) break;
      validator.push(bytes);
      position += bytesRead;
    }
    return validator.finish(totalBytes);
  } finally {
    await file.close();
  }
}
