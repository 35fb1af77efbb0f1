import type { Database, Writer } from '../database/database.ts';
import { type Condition, sql } from '../database/sql.ts';
import type { Dispatch, JobQueue } from './job-queue.ts';
import { nextExecutions } from './next-executions.ts';
import { estimateSecondsUntilStart, type JobAhead } from './start-estimate.ts';
import {
  type EndedDispatch,
  EQUAL_SHARES,
  isDue,
  type ShareDefaults,
  settleShares,
  underwayByTenant,
} from './tenant-shares.ts';
import { liveFleet } from './worker-fleet.ts';

/**
 * How often the dispatcher looks for executions that have become due, such as those that wait for their next attempt.
 */
const ROUND_MS = 1_000;
/** How often the queue is checked for lost dispatches. */
const LOST_MS = 5_000;
/** A worker reports the executions that it runs more often than this. */
const UNSEEN_MS = 10_000;
/** A dispatch that has not begun may be on its way to the queue for this long. */
const UNSENT_MS = 1_000;

export const dispatchId = (execution: string, dispatchNo: number): string => `${execution}-${dispatchNo}`;

/** The execution and the number of a dispatch. */
export function parseDispatchId(id: string): { readonly execution: string; readonly dispatchNo: number } {
  const end = id.lastIndexOf('-');
  return { execution: id.slice(0, end), dispatchNo: Number(id.slice(end + 1)) };
}

export interface DispatcherOptions {
  readonly database: Database;
  readonly queue: Pick<JobQueue, 'add' | 'missing'>;
  /** Settings of tenants without their own; default: all are equal. */
  readonly shares?: ShareDefaults | undefined;
  /** Called for dispatches that the queue had lost. */
  readonly onLost?: (ids: readonly string[]) => void;
  readonly onFailure?: (error: unknown) => void;
}

/**
 * Hands executions to the queue when workers have room for them. The backlog waits in the database; the queue has
 * only what runs, and a little more. Every process that accepts or runs jobs has a dispatcher, and only one is active
 * at a time.
 */
export class Dispatcher {
  private readonly options: DispatcherOptions;
  private readonly sending = new Set<Promise<void>>();
  private timers: NodeJS.Timeout[] = [];
  private running: Promise<void> | undefined;
  /** Whether a dispatch did not reach the queue: then lost ones are looked for sooner. */
  private hasUnsent = false;

  constructor(options: DispatcherOptions) {
    this.options = options;
  }

  /**
   * Chooses the next executions, as the last part of a transaction. After the transaction, `send` them.
   * @param ended dispatches that end with this transaction: their actual duration counts from now on
   * @throws AppError DATABASE_UNAVAILABLE
   */
  async fill(writer: Writer, ended: readonly EndedDispatch[] = []): Promise<Dispatch[]> {
    const { database, shares = EQUAL_SHARES } = this.options;
    await database.lockExclusively(writer, 'dispatch');
    await settleShares(writer, ended);
    const { slots, msPerMib } = await liveFleet(database, writer);
    if (slots === 0) return [];
    const underway = await underwayByTenant(writer);
    const free = [...underway.values()].reduce((left, { count }) => left - count, slots);
    if (free + slots <= 0) return [];
    const room = { free, ahead: slots, msPerMib };
    const next = await nextExecutions(database, writer, room, underway, shares);
    if (next.length === 0) return [];
    const each = (value: (one: (typeof next)[number]) => number) =>
      sql<number>`case id ${sql.join(
        next.map((one) => sql`when ${one.id} then ${sql.lit(value(one))}`),
        sql` `,
      )} end`;
    const rows = await writer
      .updateTable('execution')
      .set(({ eb }) => ({
        state: 'dispatched' as const,
        dispatch_no: eb('dispatch_no', '+', 1),
        dispatched_at: database.now,
        estimate_ms: each(({ estimateMs }) => estimateMs),
        charged_ms: each(({ chargedMs }) => chargedMs),
        not_before: null,
        started_at: null,
        seen_at: null,
      }))
      .where(
        'id',
        'in',
        next.map(({ id }) => id),
      )
      .returning(['id', 'dispatch_no', 'origin'])
      .execute();
    const order = new Map(next.map(({ id }, index) => [id, index]));
    return rows
      .sort((one, other) => order.get(one.id)! - order.get(other.id)!)
      .map(({ id, dispatch_no, origin }) => ({ id: dispatchId(id, dispatch_no), origin }));
  }

  /**
   * Estimated time until a waiting execution starts, in seconds; undefined if there is no worker, or none for its
   * tenant.
   * @throws AppError DATABASE_UNAVAILABLE
   */
  secondsUntilStart(job: JobAhead): Promise<number | undefined> {
    const { database, shares = EQUAL_SHARES } = this.options;
    return estimateSecondsUntilStart(database, job, shares);
  }

  /**
   * Sends dispatches to the queue. Callers do not wait for this: a dispatch that does not arrive is found missing and
   * sent again.
   */
  send(dispatches: readonly Dispatch[]): void {
    if (dispatches.length === 0) return;
    const sent = this.options.queue
      .add(dispatches)
      .catch((error: unknown) => {
        this.hasUnsent = true;
        this.options.onFailure?.(error);
      })
      .finally(() => this.sending.delete(sent));
    this.sending.add(sent);
  }

  /** Dispatches what is due and looks for lost dispatches, until `close`. */
  start({ roundMs = ROUND_MS, lostMs = LOST_MS }: { roundMs?: number; lostMs?: number } = {}): void {
    this.timers = [
      setInterval(
        () =>
          this.begin(async () => {
            if (this.hasUnsent) await this.sendLost();
            await this.round();
          }),
        roundMs,
      ),
      setInterval(() => this.begin(() => this.sendLost()), lostMs),
    ];
    this.begin(async () => {
      // SQLite has a single process, so nothing that ran before its start still runs.
      if (this.options.database.dialect === 'sqlite') await this.sendLost({ unseenMs: 0, unsentMs: 0 });
      await this.round();
    });
  }

  /** Waits for work in progress. */
  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await this.running;
    await Promise.all(this.sending);
  }

  /** Dispatches what is due. @throws AppError DATABASE_UNAVAILABLE */
  async round(): Promise<void> {
    const { database } = this.options;
    const due = await database.reader
      .selectFrom('execution')
      .select('id')
      .where(isDue(database))
      .limit(1)
      .executeTakeFirst();
    if (due) this.send(await database.write((writer) => this.fill(writer)));
  }

  /**
   * Sends dispatches again that the queue does not know and no worker reports as running.
   * @returns ids of the dispatches
   * @throws AppError DATABASE_UNAVAILABLE, QUEUE_UNAVAILABLE
   */
  async sendLost({ unseenMs = UNSEEN_MS, unsentMs = UNSENT_MS } = {}): Promise<string[]> {
    const { database, queue, onLost } = this.options;
    // A time in the future counts as old, because the clock has been set back since.
    const isOlder = (column: string, ms: number): Condition =>
      sql`(${sql.ref(column)} <= ${database.after(-ms)} or ${sql.ref(column)} > ${database.after(unseenMs)})`;
    const rows = await database.reader
      .selectFrom('execution')
      .select(['id', 'dispatch_no', 'origin'])
      .where('state', '=', 'dispatched')
      .where(({ eb, and, or }) =>
        or([
          isOlder('seen_at', unseenMs),
          and([eb('seen_at', 'is', null), isOlder('dispatched_at', unsentMs)]),
        ]),
      )
      .orderBy('id')
      .execute();
    const dispatches = new Map(
      rows.map(({ id, dispatch_no, origin }) => [dispatchId(id, dispatch_no), { origin }] as const),
    );
    const missing = rows.length === 0 ? [] : await queue.missing([...dispatches.keys()]);
    if (missing.length > 0) {
      await queue.add(missing.map((id) => ({ id, ...dispatches.get(id)! })));
      onLost?.(missing);
    }
    this.hasUnsent = false;
    return missing;
  }

  /** Only one runs at a time, so that a slow database is not given several. */
  private begin(work: () => Promise<unknown>): void {
    this.running ??= work()
      .then(() => undefined)
      .catch((error: unknown) => this.options.onFailure?.(error))
      .finally(() => {
        this.running = undefined;
      });
  }
}
