import { AppError } from '../errors/app-error.ts';

/** errno codes for a full disk: the caller may free some space and try again. */
const FULL = new Set<string | undefined>(['ENOSPC', 'EDQUOT']);

export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Whether a file operation failed because there was no room. */
export const isOutOfRoom = (error: unknown): boolean => FULL.has(errnoOf(error));

/** Codes for a blob that does not exist: waiting does not help. */
const MISSING = new Set<unknown>(['ENOENT', 'ENOTDIR', 'NoSuchKey', 'NotFound']);

/** For `catch`: undefined for a file that does not exist; every other error is thrown again. */
export function undefinedIfMissing(error: unknown): undefined {
  if (!MISSING.has(errnoOf(error))) throw error;
}

/**
 * Whether the storage or the database failed in a way that may end on its own or be fixed: it is overloaded,
 * unavailable, full, or refuses its credentials. A blob that is missing or damaged stays so.
 */
export function isTransientStorageError({ code, context }: AppError): boolean {
  const cause = context.failure ?? context.errno;
  if (code === 'STORAGE_FULL' || code === 'DATABASE_UNAVAILABLE') return true;
  return code === 'STORAGE_FAILED' && cause !== undefined && !MISSING.has(cause);
}

/**
 * Converts a failed file operation to an AppError: STORAGE_FULL or STORAGE_FAILED. The message names the operation
 * and errno, but never a path of this machine; those stay in `cause` for the log. An AppError passes through
 * unchanged.
 */
export function storageError(operation: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const errno = errnoOf(error) ?? 'unknown error';
  const code = FULL.has(errno) ? 'STORAGE_FULL' : 'STORAGE_FAILED';
  return new AppError(
    code,
    `The storage could not ${operation} (${errno}).`,
    { operation, errno },
    { cause: error },
  );
}

/**
 * Converts the error that ended a stream to a file: a fault of the disk becomes STORAGE_*, any other error stays
 * unchanged.
 */
export function writeError(error: unknown): unknown {
  const isOfDisk = (error as NodeJS.ErrnoException).syscall !== undefined && errnoOf(error) !== undefined;
  return isOfDisk ? storageError('write', error) : error;
}
