import { BatchStore } from '../batches/batch-store.ts';
import { ClaimStore } from '../idempotency/claim-store.ts';
import { BATCHES_PREFIX, batchIdOfKey } from '../layout.ts';
import { storedByAll, type UsageTotals } from '../usage/usage.ts';
import type { Workspaces } from '../workspaces.ts';
import { removeOldDeliveries } from './old-deliveries.ts';
import { storedTenants } from './stored-tenants.ts';
import { forEach, keysOf, type Sweep, type SweptSpace } from './sweep.ts';
import { sweepAdapters } from './sweep-adapters.ts';
import { sweepContents } from './sweep-contents.ts';
import { sweepExpiredJobs, sweepJobsOfRuns } from './sweep-jobs.ts';
import { Swept } from './swept.ts';

export interface SweeperOptions {
  readonly workspaces: Workspaces;
  /**
   * How long content stays to which nobody refers any more: whoever is about to refer to it again, and whoever still reads
   * it, is done by then.
   */
  readonly graceMs: number;
}

export interface SweepOutcome {
  readonly swept: Swept;
  /** What all tenants store after it. */
  readonly totals: UsageTotals;
  readonly seconds: number;
}

/**
 * Removes what has expired, and then content to which nobody refers any more. Several sweeps at once, and anything else that
 * goes on meanwhile, do no harm: what a sweep removes is decided in the transaction that removes it, and content that is
 * being removed can be referred to no more (settleContent makes another copy).
 */
export class Sweeper {
  private readonly options: SweeperOptions;

  constructor(options: SweeperOptions) {
    this.options = options;
  }

  /** @throws AppError DATABASE_UNAVAILABLE, STORAGE_*; what was removed by then stays so, and the next sweep does the rest */
  async sweep(nowMs = Date.now()): Promise<SweepOutcome> {
    const { workspaces, graceMs } = this.options;
    const begunMs = performance.now();
    const { store, database } = workspaces;
    const sweep: Sweep = {
      startMs: nowMs,
      cutoffMs: nowMs - graceMs,
      swept: new Swept(),
    };
    await sweepExpiredJobs(workspaces, sweep);
    await sweepJobsOfRuns(workspaces, sweep);
    for (const tenant of await this.tenants()) await sweepBatches(workspaces.of(tenant), sweep);
    // After the jobs, which may have been all that kept one.
    await sweepAdapters(database, sweep);
    await sweepContents(database, store, sweep);
    const claims = await new ClaimStore(database).removeExpired();
    if (claims > 0) sweep.swept.add('idempotency_key', 0, claims);
    const deliveries = await removeOldDeliveries(database, nowMs);
    if (deliveries > 0) sweep.swept.add('delivery', 0, deliveries);
    const totals = await storedByAll(database);
    return { swept: sweep.swept, totals, seconds: (performance.now() - begunMs) / 1000 };
  }

  private async tenants(): Promise<string[]> {
    const { store, tenants } = this.options.workspaces;
    const known = (await tenants.list()).map(({ id }) => id);
    return [...new Set([...known, ...(await storedTenants(store))])];
  }
}

/** Batches that have ended long ago; their jobs have times of their own. */
async function sweepBatches({ store }: SweptSpace, { startMs, swept }: Sweep): Promise<void> {
  const batches = new BatchStore(store);
  await forEach(keysOf(store, BATCHES_PREFIX), async (key) => {
    const id = batchIdOfKey(key);
    const ended = await batches.outcome(id);
    if (!ended?.expires_at || Date.parse(ended.expires_at) > startMs || (await batches.isPending(id))) return;
    await batches.remove(id);
    swept.add('batch');
  });
}
