import type { Sweep, SweptSpace } from '../retention/sweep.ts';
import { sweepAdapters } from '../retention/sweep-adapters.ts';
import { RemovedAdapters, removedAdapterOf } from './removed-adapters.ts';
import { Usage, type UsageTotals } from './usage.ts';

/** Adapters made this shortly before a count may not be there yet for who counts: clocks differ, writes take time. */
const SETTLED_MS = 60_000;

/** Who has read an older count may still need entries that this one makes superfluous. */
const KEPT_MS = 10 * 60_000;

/** Sweeps a tenant's adapters, and counts them on the way. @throws AppError STORAGE_* */
export async function countUsage(space: SweptSpace, sweep: Sweep): Promise<UsageTotals> {
  const { store } = space;
  const usage = new Usage(store);
  const countedAtMs = Date.now();
  const untilMs = countedAtMs - SETTLED_MS;
  const { adapters, bytes } = await sweepAdapters(space, sweep, untilMs);
  await usage.putCounted({ adapters, bytes, untilMs, countedAtMs });
  for (const key of await new RemovedAdapters(store).keys()) {
    const removed = removedAdapterOf(key);
    if (!removed || removed.removedAtMs < countedAtMs - KEPT_MS) await store.remove(key);
  }
  return usage.totals();
}
