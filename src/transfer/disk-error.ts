import { AppError } from '../errors/app-error.ts';

/** A failed file operation: STORAGE_FULL or STORAGE_FAILED, without the path. */
export function diskError(error: unknown): AppError {
  const errno = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  const isFull = errno === 'ENOSPC' || errno === 'EDQUOT';
  return new AppError(
    isFull ? 'STORAGE_FULL' : 'STORAGE_FAILED',
    `A file that travels could not be written or read here (${errno}).`,
    { errno },
    { cause: error },
  );
}
