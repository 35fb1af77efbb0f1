/** What keeps a backup from being made or restored. Stable codes, as AppError has; the message is for who typed the command. */
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
