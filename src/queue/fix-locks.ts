import type { Worker } from 'bullmq';

/** What BullMQ 6.7 has in classes/lock-manager.ts, as far as it matters here. */
interface TrackedJob {
  /** When its lock was renewed last, in milliseconds since 1970. */
  readonly ts: number;
}
interface LockManager {
  trackedJobs: Map<string, TrackedJob>;
}
/** The same of classes/redis-queue-backend.ts. */
interface Backend {
  readonly client: Promise<{ eval(script: string, keys: number, ...values: string[]): Promise<unknown> }>;
  toKey(name: string): string;
  moveStalledJobsToWait(): Promise<string[]>;
}
interface WorkerInternals {
  readonly lockManager: LockManager;
  readonly backend: Backend;
}

/** Not 0, which BullMQ interprets as "not known". */
const LONG_AGO_MS = 1;
/**
 * A lock or a pause that is longer than its setting by this factor is too long. Other workers may have a longer
 * setting.
 */
const MAX_LOCK_FACTOR = 4;

/**
 * A Lua script for Redis. KEYS: the mark of the last check of locks, and the set of jobs that were active then. ARGV:
 * the longest duration of these, in milliseconds, and the prefix of the keys of jobs.
 */
const SHORTEN = `
if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[1]) then redis.call('DEL', KEYS[1]) end
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local lock = ARGV[2] .. id .. ':lock'
  if redis.call('PTTL', lock) > tonumber(ARGV[1]) then redis.call('PEXPIRE', lock, ARGV[1]) end
end`;

class AlwaysDue extends Map<string, TrackedJob> {
  override set(id: string, tracked: TrackedJob): this {
    return super.set(id, { ...tracked, ts: LONG_AGO_MS });
  }
}

/**
 * Fixes the locks of running jobs, which depended on the time of day.
 *
 * BullMQ checks four times during the life of a lock whether it must be renewed. If the clock was set back by a
 * day, no lock would be renewed for a day, and long jobs would start again elsewhere. With this fix, each check
 * renews all of them. Redis in turn keeps expiring keys until their time, so if its clock was set back, the jobs of a
 * dead worker would stay locked for a day, and nothing would look for them. Locks that last longer than possible are
 * shortened before each check.
 */
export function fixLocks(worker: Worker): void {
  const { lockManager, backend } = worker as unknown as WorkerInternals;
  lockManager.trackedJobs = new AlwaysDue();
  const { lockDuration = 0, stalledInterval = 0 } = worker.opts;
  const longestMs = String(MAX_LOCK_FACTOR * Math.max(lockDuration, stalledInterval));
  const move = backend.moveStalledJobsToWait.bind(backend);
  backend.moveStalledJobsToWait = async () => {
    const keys = [backend.toKey('stalled-check'), backend.toKey('stalled')];
    await (await backend.client).eval(SHORTEN, keys.length, ...keys, longestMs, backend.toKey(''));
    return move();
  };
}
