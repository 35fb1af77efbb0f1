import { AppError, type ErrorContext, toAppError } from '../errors/app-error.ts';
import { isErrorCode } from '../errors/error-kinds.ts';

/** BullMQ does not retry a job whose error has this name, whatever attempts are left. */
const GIVE_UP = 'UnrecoverableError';

/** BullMQ's message for a compute process that ended while it ran a job (bullmq, classes/sandbox.ts). */
const UNEXPECTED_EXIT = /^Unexpected exit code: (\S+) signal: (\S+)$/;

/** BullMQ's message for a compute process that ended while it started (bullmq, classes/child.ts). */
const EXIT_AT_START = /^Error initializing child: (.+) and signal (\S+)$/;

/**
 * Prepares an error to leave the compute process. BullMQ copies the own properties of an error to the parent: `name`
 * decides whether to retry; `code` and `context` are for `decodeError`.
 */
export function encodeError(thrown: unknown): Error {
  const { code, message, context, retryable, stack } = toAppError(thrown);
  const error = new Error(message);
  if (stack) error.stack = stack;
  error.name = retryable ? 'RetryableError' : GIVE_UP;
  return Object.assign(error, { code, context });
}

/** Whether BullMQ will not try again after this error. */
export const givesUp = (error: unknown): boolean => error instanceof Error && error.name === GIVE_UP;

/** The error of a compute process as its parent receives it; WORKER_CRASHED if the process died. */
export function decodeError(received: unknown): AppError {
  const { code, message, context } = received as { code?: unknown; message?: string; context?: ErrorContext };
  if (isErrorCode(code)) return new AppError(code, message ?? '', context ?? {}, { cause: received });
  const exit = UNEXPECTED_EXIT.exec(message ?? '');
  if (exit) return crashed(exit[1]!, exit[2]!);
  const start = EXIT_AT_START.exec(message ?? '');
  if (!start) return toAppError(received);
  return start[2] === 'null'
    ? new AppError('WORKER_CRASHED', `The compute process ended during its start: ${start[1]}.`)
    : crashed('', start[2]!);
}

/** The error of a job whose workers (not only their compute processes) died more often than BullMQ allows. */
export function stalledTooOften(): AppError {
  return new AppError(
    'WORKER_CRASHED',
    'The worker died, or lost its connection to Redis, each time it ran this job.',
  );
}

function crashed(exitCode: string, signal: string): AppError {
  if (signal === 'null') {
    return new AppError('WORKER_CRASHED', `The compute process ended with exit code ${exitCode}.`, {
      exit_code: Number(exitCode),
    });
  }
  const hint = signal === 'SIGKILL' ? '; the operating system does this when memory runs out' : '';
  return new AppError('WORKER_CRASHED', `The compute process was killed by ${signal}${hint}.`, { signal });
}
