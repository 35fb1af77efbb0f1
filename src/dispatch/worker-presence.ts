import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
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
  /** Called if the database could not be updated; the next attempt follows soon. */
  readonly onTrouble: (error: unknown) => void;
  /** Called once, where an operator asked that it begin nothing more. */
  readonly onDrain?: () => void;
}

/** Keeps a worker's row in the database, with what it runs, until the worker leaves. */
export class WorkerPresence {
  private readonly options: WorkerPresenceOptions;
  private readonly id = randomUUID();
  private msPerMib: number | null = null;
  private timer: NodeJS.Timeout | undefined;
  private telling: Promise<void> | undefined;
  private isDraining = false;
  private isDrained = false;

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

  /** What it ran has ended, and it begins nothing more. */
  drained(): void {
    this.isDrained = true;
    this.begin();
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
    const { database, slots, provider, running, onDrain } = this.options;
    const { id, msPerMib: ms_per_mib, isDrained } = this;
    const isAsked = await database.write(async (writer) => {
      const ids = running();
      const now = { ms_per_mib, running: ids.length, seen_at: database.now };
      const row = await writer
        .insertInto('worker')
        .values({ id, slots, provider, host: hostname(), ...now })
        .onConflict((conflict) =>
          conflict.column('id').doUpdateSet(({ fn }) => ({
            ...now,
            ...(isDrained && { drained_at: fn.coalesce('worker.drained_at', database.now) }),
          })),
        )
        .returning('draining_at')
        .executeTakeFirstOrThrow();
      if (ids.length > 0)
        await writer
          .updateTable('execution')
          .set({ seen_at: database.now })
          .where('id', 'in', ids)
          .where('state', '=', 'dispatched')
          .execute();
      return row.draining_at !== null;
    });
    if (!isAsked || this.isDraining) return;
    this.isDraining = true;
    onDrain?.();
  }
}
