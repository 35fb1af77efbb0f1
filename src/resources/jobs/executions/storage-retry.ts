import { AppError } from '../../../errors/app-error.ts';
import { counted } from '../../../errors/counted.ts';
import { isTransientStorageError } from '../../../storage/storage-error.ts';

/** What failures of the storage have cost an execution so far. */
export interface StorageRetries {
  /** Attempts that failed because of the storage and were not counted. */
  readonly times: number;
  /** The duration of these attempts, with the pauses after them. */
  readonly spentMs: number;
}

const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 30_000;

/**
 * When to retry an execution that failed because of the storage. This uses up no attempt while all such attempts and
 * the pauses between them take less than `patienceMs`; afterwards such failures count like others.
 * @param before the earlier attempts, which are stored with the execution so that they outlive the worker
 * @param tryMs the duration of this attempt
 * @returns undefined if the execution is not retried because of the storage
 */
export function planStorageRetry(
  error: AppError,
  before: StorageRetries,
  tryMs: number,
  patienceMs: number,
): { readonly trouble: StorageRetries; readonly delayMs: number } | undefined {
  const { times, spentMs } = before;
  if (!isTransientStorageError(error) || spentMs + tryMs >= patienceMs) return undefined;
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** times, MAX_DELAY_MS) * (0.5 + Math.random() / 2);
  return { trouble: { times: times + 1, spentMs: Math.round(spentMs + tryMs + delayMs) }, delayMs };
}

/** The last failure of a job; if the storage caused it, it names how long the job was retried. */
export function withRetryDetails(error: AppError, trouble: StorageRetries): AppError {
  if (trouble.times === 0 || !isTransientStorageError(error)) return error;
  const seconds = Math.round(trouble.spentMs / 1000);
  return new AppError(
    error.code,
    `${error.message} The job was tried again ${counted(trouble.times, 'time')} in ${seconds} s (STORAGE_RETRY_SECONDS).`,
    { ...error.context, tried_seconds: seconds },
    { cause: error },
  );
}
