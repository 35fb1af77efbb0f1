import type { Database } from '../database/database.ts';
import { sweepAdapters } from './adapters/sweep-adapters.ts';
import { sweepBatches } from './batches/sweep-batches.ts';
import { runAll, type Sweep, SweepCounts, type SweptKind } from './contents/sweep.ts';
import { sweepContents } from './contents/sweep-contents.ts';
import { type EventRetention, removeOldEvents } from './events/sweep-events.ts';
import { ClaimStore } from './idempotency/claim-store.ts';
import { sweepJobs } from './jobs/sweep-jobs.ts';
import { removeDeletedTenants } from './remove-tenants.ts';
import { readTotalUsage, removeOldUsage, type UsageTotals } from './tenants/usage.ts';
import { removeOldDeliveries } from './webhooks/delivery-rows.ts';
import { removeUnusedWebhooks } from './webhooks/request-webhook.ts';
import type { Workspaces } from './workspaces.ts';

export interface SweeperOptions {
  readonly workspaces: Workspaces;
  /**
   * How long content without references is kept: longer than any request that is about to refer to it, or that still
   * reads it.
   */
  readonly graceMs: number;
  readonly eventRetention: EventRetention;
}

export interface SweepOutcome {
  readonly swept: SweepCounts;
  /** What all tenants store after the sweep. */
  readonly totals: UsageTotals;
  readonly seconds: number;
}

/**
 * Removes expired records, and then content without references. Simultaneous sweeps and other work do no harm: each
 * removal is decided in the transaction that removes, and content that is being removed cannot get new references
 * (registerContents makes another copy).
 */
export class Sweeper {
  private readonly options: SweeperOptions;

  constructor(options: SweeperOptions) {
    this.options = options;
  }

  /**
   * @throws AppError DATABASE_UNAVAILABLE, STORAGE_* if something could not be removed; everything else is removed, and
   *   the next sweep tries again
   */
  async sweep(atMs?: number): Promise<SweepOutcome> {
    const { workspaces, graceMs, eventRetention } = this.options;
    const begunMs = performance.now();
    const { store, database } = workspaces;
    const nowMs = atMs ?? (await databaseNowMs(database));
    const sweep: Sweep = {
      startMs: nowMs,
      cutoffMs: nowMs - graceMs,
      swept: new SweepCounts(),
    };
    const counted = (kind: SweptKind, remove: () => Promise<number>) => async () => {
      const objects = await remove();
      if (objects > 0) sweep.swept.add(kind, 0, objects);
    };
    await runAll([
      () => removeDeletedTenants(workspaces, sweep),
      () => sweepJobs(workspaces, sweep),
      () => sweepBatches(database, sweep),
      // Adapters are swept after the jobs, because a job may have been the only thing that kept an adapter.
      () => sweepAdapters(database, sweep),
      () => sweepContents(database, store, sweep),
      counted('idempotency_key', () => new ClaimStore(database).removeExpired()),
      counted('delivery', () => removeOldDeliveries(database, nowMs)),
      counted('webhook', () => removeUnusedWebhooks(database, nowMs)),
      counted('event', () => removeOldEvents(database, nowMs, eventRetention)),
      () => removeOldUsage(database, nowMs),
    ]);
    const totals = await readTotalUsage(database);
    return { swept: sweep.swept, totals, seconds: (performance.now() - begunMs) / 1000 };
  }
}

/** The time of the database's clock, which decides what has expired. */
async function databaseNowMs({ reader, now }: Database): Promise<number> {
  const row = await reader
    .selectFrom('schema_migration')
    .select(now.as('now'))
    .limit(1)
    .executeTakeFirstOrThrow();
  return row.now;
}
