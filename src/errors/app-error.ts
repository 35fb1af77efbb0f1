import type { ErrorKind } from './error-kind.ts';
import { ERROR_KINDS, type ErrorCode } from './error-kinds.ts';

/** Machine-readable details of a problem: which file, tensor, value and limit. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | null | readonly unknown[]>>;

/** A failure with a stable code. `message` is written for the person who sent the input. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AppError';
    this.code = code;
    this.context = context;
  }

  get kind(): ErrorKind {
    return ERROR_KINDS[this.code];
  }

  get retryable(): boolean {
    return this.kind.retryable;
  }
}

/** For `catch`: ignores an error with this code and throws every other one again. */
export const ignoring =
  (code: ErrorCode) =>
  (error: unknown): undefined => {
    if (!(error instanceof AppError && error.code === code)) throw error;
  };

/** The codes of operating systems for a disk that is full, and for one that cannot be used. */
const DISK_ERRORS: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'STORAGE_FULL',
  EDQUOT: 'STORAGE_FULL',
  EROFS: 'STORAGE_FAILED',
  EIO: 'STORAGE_FAILED',
  ESTALE: 'STORAGE_FAILED',
};

/**
 * Converts anything that was thrown to an AppError, which keeps the original as its cause. A failure of a disk becomes
 * STORAGE_*, whatever was being written; an unknown error becomes INTERNAL (retryable).
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (Object.hasOwn(DISK_ERRORS, errno))
    return new AppError(
      DISK_ERRORS[errno]!,
      `A file could not be used (${errno}).`,
      { errno },
      { cause: error },
    );
  return new AppError('INTERNAL', message, {}, { cause: error });
}

/** An AppError as jobs and their targets show it; JobFailure in the contract. */
export interface Failure {
  code: string;
  title: string;
  detail: string;
  retryable: boolean;
  context?: Record<string, unknown>;
}

/** An error as a job, or one of its targets, shows it. */
export const jobFailure = ({ code, kind, message, retryable, context }: AppError): Failure => ({
  code,
  title: kind.title,
  detail: message,
  retryable,
  ...(Object.keys(context).length > 0 && { context }),
});

/** An AppError as plain data, to be sent between processes and threads. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly context: ErrorContext;
}

export function toPlainError(error: unknown): PlainError {
  const { code, message, context } = toAppError(error);
  return { code, message, context };
}

export function fromPlainError({ code, message, context }: PlainError): AppError {
  return new AppError(code, message, context);
}
