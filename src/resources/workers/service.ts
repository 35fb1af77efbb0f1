import type { WorkerRecord } from '../../contract/worker.ts';
import type { Database } from '../../database/database.ts';
import type { WorkerTable } from '../../database/job-tables.ts';
import { GONE_AFTER_MS } from '../../dispatch/worker-fleet.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';

/** The errors of the methods; the routes derive the codes of their responses from them. */
export const WORKER_ERRORS = {
  drain: ['WORKER_NOT_FOUND', 'STORAGE_FULL'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/** The workers that are present. All methods throw AppError DATABASE_UNAVAILABLE, those that write STORAGE_FULL. */
export class WorkerService {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** The workers, ordered by machine and id. */
  async list(): Promise<WorkerRecord[]> {
    const { reader, after } = this.database;
    const rows = await reader
      .selectFrom('worker')
      .selectAll()
      .where('seen_at', '>', after(-GONE_AFTER_MS))
      .where('seen_at', '<', after(GONE_AFTER_MS))
      .orderBy('host')
      .orderBy('id')
      .execute();
    return rows.map(recordOf);
  }

  /**
   * Drains a worker: it starts no more executions. It learns of this within a few seconds, completes what it is
   * running, and then ends if it has no other role. Draining it again changes nothing.
   * @throws AppError WORKER_NOT_FOUND
   */
  async drain(id: string): Promise<WorkerRecord> {
    const { now, after } = this.database;
    const row = id.includes('\0')
      ? undefined
      : await this.database.write((writer) =>
          writer
            .updateTable('worker')
            .set(({ fn }) => ({ draining_at: fn.coalesce('draining_at', now) }))
            .where('id', '=', id)
            .where('seen_at', '>', after(-GONE_AFTER_MS))
            .returningAll()
            .executeTakeFirst(),
        );
    if (row) return recordOf(row);
    throw new AppError('WORKER_NOT_FOUND', `There is no worker ${JSON.stringify(id)}.`, { id });
  }
}

const timeOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const recordOf = ({ draining_at, drained_at, seen_at, ...row }: WorkerTable): WorkerRecord => ({
  ...row,
  state: drained_at !== null ? 'drained' : draining_at !== null ? 'draining' : 'active',
  draining_at: timeOf(draining_at),
  seen_at: new Date(seen_at).toISOString(),
});
