import { randomUUID } from 'node:crypto';
import type { Database } from '../database/database.ts';
import { mibOf } from './pace.ts';

const INTERVAL_MS = 5_000;
/** How much the last execution says of the next ones. */
const NEWS = 0.2;

export interface WorkerPresenceOptions {
  readonly database: Database;
  /** Executions that run here at once. */
  readonly slots: number;
  readonly provider: string;
  /** Ids of those that run now. */
  readonly running: () => readonly string[];
  /** Told where the database could not be told; it is told again soon. */
  readonly onTrouble: (error: unknown) => void;
}

/** Says in the database that a worker is there, and what it runs, until it leaves. */
export class WorkerPresence {
  private readonly options: WorkerPresenceOptions;
  private readonly id = randomUUID();
  private msPerMib: number | null = null;
  private timer: NodeJS.Timeout | undefined;
  private telling: Promise<void> | undefined;

  constructor(options: WorkerPresenceOptions) {
    this.options = options;
  }

  start(): void {
    this.begin();
    this.timer = setInterval(() => this.begin(), INTERVAL_MS);
  }

  /** Learns from an execution how long others will take. */
  took(ms: number, workBytes: number): void {
    const now = ms / mibOf(workBytes);
    this.msPerMib = Math.ceil(this.msPerMib === null ? now : NEWS * now + (1 - NEWS) * this.msPerMib);
  }

  /** From now on nothing is dispatched for this worker. */
  async leave(): Promise<void> {
    clearInterval(this.timer);
    await this.telling;
    await this.options.database
      .write((writer) => writer.deleteFrom('worker').where('id', '=', this.id).execute())
      // It is forgotten in a while.
      .catch(() => undefined);
  }

  private begin(): void {
    this.telling ??= this.tell()
      .catch((error: unknown) => this.options.onTrouble(error))
      .finally(() => {
        this.telling = undefined;
      });
  }

  private async tell(): Promise<void> {
    const { database, slots, provider, running } = this.options;
    const { id, msPerMib: ms_per_mib } = this;
    await database.write(async (writer) => {
      await writer
        .insertInto('worker')
        .values({ id, slots, provider, ms_per_mib, seen_at: database.now })
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ ms_per_mib, seen_at: database.now }))
        .execute();
      const ids = running();
      if (ids.length > 0)
        await writer
          .updateTable('execution')
          .set({ seen_at: database.now })
          .where('id', 'in', ids)
          .where('state', '=', 'dispatched')
          .execute();
    });
  }
}
