import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Database } from '../database/database.ts';
import { mibOf } from './worker-fleet.ts';

const INTERVAL_MS = 5_000;
/** The weight of the last execution in the moving average. */
const NEWS = 0.2;

export interface WorkerPresenceOptions {
  readonly database: Database;
  /** Executions that run here at the same time. */
  readonly slots: number;
  readonly provider: string;
  /** Ids of the running executions. */
  readonly running: () => readonly string[];
  /** Called if the database could not be updated; the next attempt follows soon. */
  readonly onFailure: (error: unknown) => void;
  /** Called once, when an operator has requested that this worker be drained. */
  readonly onDrain?: () => void;
}

/** Keeps the row of a worker in the database, with its running executions, until the worker leaves. */
export class WorkerPresence {
  private readonly options: WorkerPresenceOptions;
  private readonly id = randomUUID();
  private msPerMib: number | null = null;
  private timer: NodeJS.Timeout | undefined;
  private reporting: Promise<void> | undefined;
  private isDraining = false;
  private isDrained = false;

  constructor(options: WorkerPresenceOptions) {
    this.options = options;
  }

  start(): void {
    this.begin();
    this.timer = setInterval(() => this.begin(), INTERVAL_MS);
  }

  /** Updates the pace of the worker by the duration of an execution. */
  took(ms: number, workBytes: number): void {
    const now = ms / mibOf(workBytes);
    this.msPerMib = Math.ceil(this.msPerMib === null ? now : NEWS * now + (1 - NEWS) * this.msPerMib);
  }

  /** Notes that the worker is drained: its executions have ended, and it starts no more. */
  drained(): void {
    this.isDrained = true;
    this.begin();
  }

  /** Removes the worker: nothing is dispatched for it any more. */
  async leave(): Promise<void> {
    clearInterval(this.timer);
    await this.reporting;
    await this.options.database
      .write((writer) => writer.deleteFrom('worker').where('id', '=', this.id).execute())
      // The row expires after a while.
      .catch(() => undefined);
  }

  private begin(): void {
    this.reporting ??= this.report()
      .catch((error: unknown) => this.options.onFailure(error))
      .finally(() => {
        this.reporting = undefined;
      });
  }

  private async report(): Promise<void> {
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
