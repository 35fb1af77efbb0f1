import { stat } from 'node:fs/promises';
import type { DigestedFile, LocalFile } from '../adapter/digested-file.ts';
import { AppError } from '../errors/app-error.ts';

/**
 * Checks that the files exist as described, so that a local fault is not attributed to the remote server.
 * @throws AppError STORAGE_FAILED
 */
export async function checkPresent(files: readonly LocalFile[]): Promise<void> {
  for (const { name, path, bytes } of files) {
    const found = await stat(path).catch((error: unknown) => {
      throw diskError(error);
    });
    if (found.size === bytes) continue;
    throw new AppError(
      'STORAGE_FAILED',
      `${name} has ${found.size} bytes on the disk of the service instead of ${bytes}.`,
      {
        file: name,
      },
    );
  }
}

/** The files in the form of records. */
export const withoutPaths = (files: readonly LocalFile[]): DigestedFile[] =>
  files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes }));

export const totalBytes = (files: readonly LocalFile[]): number =>
  files.reduce((sum, { bytes }) => sum + bytes, 0);

/** Converts a failed file operation to STORAGE_FULL or STORAGE_FAILED, without the path. */
export function diskError(error: unknown): AppError {
  const errno = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  const isFull = errno === 'ENOSPC' || errno === 'EDQUOT';
  return new AppError(
    isFull ? 'STORAGE_FULL' : 'STORAGE_FAILED',
    `A transferred file could not be written to or read from the disk of the service (${errno}).`,
    { errno },
    { cause: error },
  );
}
