/**
 * Why a backup could not be made or restored. Has stable codes, as AppError does; the message is written for the
 * person who ran the command.
 */
export class BackupError extends Error {
  override readonly name = 'BackupError';
  readonly code: string;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, context: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.context = context;
  }
}
