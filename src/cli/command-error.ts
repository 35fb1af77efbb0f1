import { BackupError } from '../backup/backup-error.ts';
import { DatabaseError } from '../database/database.ts';
import { AppError } from '../errors/app-error.ts';
import { withFlagNames } from './flag-names.ts';

/** Exit codes. After a signal, the code is 128 plus the number of the signal, as in shells. */
export const EXIT = { ok: 0, failed: 1, usage: 2, SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** The arguments of the command are not valid, and nothing was done. The message is one sentence for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * A failure outside the engine, in result folders or in calls to a server. Its codes are stable, like those of
 * AppError.
 */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: string;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, context: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.context = context;
  }
}

export type EndingSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM';

/** The user stopped the command. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: EndingSignal;

  constructor(signal: EndingSignal) {
    super(`stopped by ${signal}; nothing incomplete is left`);
    this.signal = signal;
  }
}

/** A failure as it is reported: the code for programs, the detail for people. */
export interface ReportedFailure {
  readonly code: string;
  readonly detail: string;
  readonly context?: Readonly<Record<string, unknown>>;
}

/** Converts anything that was thrown to a failure to report. The code of a file system error is its errno. */
export function reportedFailure(error: unknown): ReportedFailure {
  if (error instanceof CommandError || error instanceof AppError || error instanceof BackupError) {
    const { code, message, context } = error;
    const detail = withFlagNames(message, code === 'VALIDATION_FAILED');
    return Object.keys(context).length > 0 ? { code, detail, context } : { code, detail };
  }
  if (error instanceof DatabaseError) return { code: 'DATABASE_NEWER', detail: error.message };
  const detail = error instanceof Error ? error.message : String(error);
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return { code: syscall !== undefined && code !== undefined ? code : 'INTERNAL', detail };
}
