import { BatchStore } from '../batches/batch-store.ts';
import { ClaimStore } from '../idempotency/claim-store.ts';
import { ADAPTER_REMOVALS_PREFIX, BATCHES_PREFIX, batchIdOfKey } from '../layout.ts';
import { countUsage } from '../usage/count-usage.ts';
import type { UsageTotals } from '../usage/usage.ts';
import type { Workspaces } from '../workspaces.ts';
import { removeOldDeliveries } from './old-deliveries.ts';
import { storedTenants } from './stored-tenants.ts';
import { forEach, keysOf, LEFT_MARK_MS, removeStrays, type Sweep, type SweptSpace } from './sweep.ts';
import { allBlobs, removeBlobs } from './sweep-blobs.ts';
import { noteJobFiles, sweepExpiredJobs, sweepJobsOfRuns, sweepReports } from './sweep-jobs.ts';
import { noteCheckpoints } from './sweep-runs.ts';
import { Swept } from './swept.ts';

export interface SweeperOptions {
  readonly workspaces: Workspaces;
  /**
   * How long content may be there without anybody who refers to it; also how old a stray has to be. Longer than from the
   * last byte of an upload, or of a job's first result, to the record of it.
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
 * Removes what has expired, and then what nobody refers to. Several sweeps at once, and anything else that goes on
 * meanwhile, do no harm; this is why no content is lost that somebody refers to, or is about to:
 *
 * 1. All blobs are listed first, then everything of every tenant is read that can refer to one. A blob is removed only
 *    when nobody referred to it after it was listed, and it was neither written nor touched within the grace before the
 *    sweep began.
 * 2. Whoever wants to refer to a blob writes or touches it first (keepBlob), and writes the record that refers to it
 *    within the grace after that. So of a blob that was last kept before the grace, every such record was there when the
 *    reading began, and was read. (Records that are moved do not exist: a record is written, and removed.)
 * 3. Whether a blob is young is looked at once more in the moment of its removal, which is announced. Who keeps it at
 *    this time either finds the announcement and waits, or has touched it before the look (RemovalMark). On the disk it
 *    is moved away first and comes back when it was touched in between.
 *
 * What this rests on: the storage shows what was written to whoever asks later (disks and S3 do), the clocks of the
 * machines and of the storage differ by less than the grace, and no process sleeps for longer than 20 seconds between
 * its look and the removal. A record is looked at again after it was written, all the same.
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
      unreferenced: await allBlobs(store, nowMs),
      swept: new Swept(),
    };
    await sweepExpiredJobs(workspaces, sweep);
    await sweepJobsOfRuns(workspaces, sweep);
    const totals = { adapters: 0, bytes: 0 };
    for (const tenant of await this.tenants()) {
      const used = await this.sweepTenant(workspaces.of(tenant), sweep);
      totals.adapters += used.adapters;
      totals.bytes += used.bytes;
    }
    const claims = await new ClaimStore(database).removeExpired();
    if (claims > 0) sweep.swept.add('idempotency_key', 0, claims);
    await noteCheckpoints(database, sweep);
    await noteJobFiles(database, sweep);
    await removeBlobs(store, sweep);
    const deliveries = await removeOldDeliveries(database, nowMs);
    if (deliveries > 0) sweep.swept.add('delivery', 0, deliveries);
    return { swept: sweep.swept, totals, seconds: (performance.now() - begunMs) / 1000 };
  }

  private async tenants(): Promise<string[]> {
    const { store, tenants } = this.options.workspaces;
    const known = (await tenants.list()).map(({ id }) => id);
    return [...new Set([...known, ...(await storedTenants(store))])];
  }

  private async sweepTenant(space: SweptSpace, sweep: Sweep): Promise<UsageTotals> {
    await sweepReports(space, sweep);
    await sweepBatches(space, sweep);
    const left = { ...sweep, cutoffMs: sweep.startMs - LEFT_MARK_MS };
    await removeStrays(space, left, ADAPTER_REMOVALS_PREFIX, () => true);
    // After the jobs, which may have been all that kept one.
    return countUsage(space, sweep);
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
