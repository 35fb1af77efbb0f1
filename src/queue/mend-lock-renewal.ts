import type { Worker } from 'bullmq';

/** What BullMQ 6.7 has in classes/lock-manager.ts, as far as it matters here. */
interface TrackedJob {
  /** When its lock was renewed last, in milliseconds since 1970. */
  readonly ts: number;
}
interface LockManager {
  trackedJobs: Map<string, TrackedJob>;
}

/** BullMQ takes 0 for "not known". */
const LONG_AGO_MS = 1;

class AlwaysDue extends Map<string, TrackedJob> {
  override set(id: string, tracked: TrackedJob): this {
    return super.set(id, { ...tracked, ts: LONG_AGO_MS });
  }
}

/**
 * Mends how a worker renews the locks of what it does. BullMQ looks four times in the life of a lock whether it is due by the
 * wall clock: where that was put back by a day none would be for a day, and what takes long would begin again elsewhere. Now
 * each look renews all of them.
 */
export function mendLockRenewal(worker: Worker): void {
  const { lockManager } = worker as unknown as { lockManager: LockManager };
  lockManager.trackedJobs = new AlwaysDue();
}
