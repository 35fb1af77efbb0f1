import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../errors/app-error.ts';

/**
 * Makes commits durable without blocking the event loop, as SQLite's own sync would. SQLite writes a commit to its
 * log and leaves the sync to the system (`synchronous = normal`). The log is synced here, in a thread of Node's pool,
 * and a commit is reported only afterwards. Commits that arrive meanwhile share the next sync. See
 * https://sqlite.org/wal.html and https://sqlite.org/pragma.html#pragma_synchronous.
 */
export class LogSync {
  private readonly path: string;
  private file: Promise<FileHandle> | undefined;
  private committed = 0;
  private synced = 0;
  private running: Promise<void> | undefined;

  /** @param database path of the database file */
  constructor(database: string) {
    this.path = `${database}-wal`;
  }

  /** Notes a commit. */
  note(): void {
    this.committed++;
  }

  /** Waits until everything committed so far is durable. @throws AppError DATABASE_UNAVAILABLE */
  async durable(): Promise<void> {
    const wanted = this.committed;
    while (this.synced < wanted) {
      this.running ??= this.sync().finally(() => {
        this.running = undefined;
      });
      await this.running;
    }
  }

  async close(): Promise<void> {
    await this.running?.catch(() => undefined);
    await (await this.file)?.close();
  }

  private async sync(): Promise<void> {
    const upTo = this.committed;
    try {
      this.file ??= this.open();
      await (await this.file).datasync();
    } catch (error) {
      this.file = undefined;
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      const message = `The database cannot be used: its log cannot be made durable (${code}).`;
      throw new AppError('DATABASE_UNAVAILABLE', message, {}, { cause: error });
    }
    this.synced = upTo;
  }

  /** The log exists as long as the database is open. Its directory entry must be durable as well. */
  private async open(): Promise<FileHandle> {
    const folder = await open(dirname(this.path));
    await folder.sync().finally(() => folder.close());
    return open(this.path, 'r+');
  }
}
