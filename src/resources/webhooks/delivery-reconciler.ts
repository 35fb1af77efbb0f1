import type { Database } from '../../database/database.ts';
import type { DeliveryTable } from '../../database/tables.ts';
import type { DeliveryQueue } from './delivery-queue.ts';

/** Deliveries that are due later than this are left for later rounds, which come more often than this. */
const AHEAD_MS = 60_000;
const PAGE_ROWS = 1_000;
/** A clock that was put back by less does no harm: deliveries are late by as much. */
const PUT_BACK_MS = 10_000;

type Due = Pick<DeliveryTable, 'webhook' | 'id' | 'next_attempt_at'>;

/**
 * Maintains the deliveries of all tenants: lost ones are queued again, and none waits for a clock that was put back.
 */
export class DeliveryReconciler {
  private readonly database: Database;
  private readonly queue: DeliveryQueue;
  private aheadMs = clockAheadMs();

  constructor(database: Database, queue: DeliveryQueue) {
    this.database = database;
    this.queue = queue;
  }

  /**
   * Queues deliveries again that are due but not in the queue, because Redis was lost or a process died between the
   * transaction and the queue.
   * @returns ids of the deliveries that were queued again
   * @throws AppError QUEUE_UNAVAILABLE, DATABASE_UNAVAILABLE
   */
  async reconcile(nowMs = Date.now()): Promise<string[]> {
    await this.followClock();
    const requeued: string[] = [];
    for (let last: Due | undefined; ; ) {
      const due = await this.due(nowMs + AHEAD_MS, last);
      if (due.length > 0) requeued.push(...(await this.requeue(due)));
      if (due.length < PAGE_ROWS) return requeued;
      last = due.at(-1);
    }
  }

  /** If the clock was put back, due times refer to the clock before that: all deliveries are then promoted. */
  private async followClock(): Promise<void> {
    const aheadMs = clockAheadMs();
    if (aheadMs < this.aheadMs - PUT_BACK_MS) await this.queue.promoteAll();
    this.aheadMs = aheadMs;
  }

  /** The next due deliveries after `last`, in the order of their times. */
  private due(untilMs: number, last: Due | undefined): Promise<Due[]> {
    const all = this.database.reader
      .selectFrom('delivery')
      .select(['webhook', 'id', 'next_attempt_at'])
      .where('next_attempt_at', '<=', untilMs)
      .orderBy('next_attempt_at')
      .orderBy('webhook')
      .orderBy('id')
      .limit(PAGE_ROWS);
    const rest =
      last &&
      all.where(({ eb, refTuple, tuple }) =>
        eb(
          refTuple('next_attempt_at', 'webhook', 'id'),
          '>',
          tuple(last.next_attempt_at, last.webhook, last.id),
        ),
      );
    return (rest ?? all).execute();
  }

  private async requeue(due: readonly Due[]): Promise<string[]> {
    const missing = await this.queue.missing(due.map(({ id }) => id));
    if (missing.length === 0) return [];
    // Checked after the queue: a delivery that left it because it was delivered is final by now.
    const lost = await this.database.reader
      .selectFrom('delivery')
      .select(['tenant', 'webhook', 'id', 'next_attempt_at'])
      .where('webhook', 'in', [...new Set(due.map(({ webhook }) => webhook))])
      .where('id', 'in', missing)
      .where('next_attempt_at', 'is not', null)
      .execute();
    for (const { tenant, webhook, id, next_attempt_at } of lost)
      await this.queue.add({ tenant, webhookId: webhook, deliveryId: id }, next_attempt_at!);
    return lost.map(({ id }) => id);
  }
}

/** The difference between the time of day and a clock that cannot be set. */
const clockAheadMs = (): number => Date.now() - performance.now();
