import type { UsageRecord } from '../../contract/usage.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { JobStore } from '../job-store.ts';
import { RECENT_ADAPTERS_PREFIX } from '../layout.ts';
import { adapterEntryOf } from '../listing/adapter-index.ts';
import { RemovedAdapters, removedAdapterOf } from './removed-adapters.ts';

export interface UsageTotals {
  readonly adapters: number;
  /** Of all files of all adapters, each counted in full. */
  readonly bytes: number;
}

/** What the sweeper counted. */
export interface CountedUsage extends UsageTotals {
  /** Adapters made before this were counted, those removed before `countedAtMs` were not. */
  readonly untilMs: number;
  readonly countedAtMs: number;
}

/** What is needed of a workspace to know its usage. */
export interface UsedSpace {
  readonly store: BlobStore;
  readonly jobStore: Pick<JobStore, 'count'>;
}

const KEY = 'usage.json';
const FIRST_KEYS = 1_000;
const NOTHING: CountedUsage = { adapters: 0, bytes: 0, untilMs: 0, countedAtMs: 0 };

/**
 * What a tenant uses. The index of adapters says it all by its keys; so that it need not be read to its end each time,
 * the sweeper counts from time to time, and what came and went since then is added up here. Nothing is incremented, so
 * processes cannot disagree: an adapter counts as soon as it is recorded, and until it is removed. Only one that is
 * removed while the sweeper counts may be wrong, until it counts again. All methods throw AppError STORAGE_*.
 */
export class Usage {
  private readonly store: BlobStore;

  constructor(store: BlobStore) {
    this.store = store;
  }

  async totals(): Promise<UsageTotals> {
    const counted = await this.counted();
    let { adapters, bytes } = counted;
    for await (const entry of this.madeSince(counted.untilMs)) {
      adapters++;
      bytes += entry.bytes;
    }
    for (const key of await new RemovedAdapters(this.store).keys()) {
      const removed = removedAdapterOf(key);
      const wasCounted =
        removed && removed.createdAtMs < counted.untilMs && removed.removedAtMs >= counted.countedAtMs;
      if (!wasCounted) continue;
      adapters--;
      bytes -= removed.bytes;
    }
    return { adapters: Math.max(0, adapters), bytes: Math.max(0, bytes) };
  }

  async putCounted(counted: CountedUsage): Promise<void> {
    await this.store.put(KEY, Buffer.from(JSON.stringify(counted)));
  }

  private async counted(): Promise<CountedUsage> {
    const bytes = await this.store.get(KEY);
    return bytes ? (JSON.parse(Buffer.from(bytes).toString('utf8')) as CountedUsage) : NOTHING;
  }

  /** The newest come first, so the first that is older is the end. Mostly few are new; else all are listed at once. */
  private async *madeSince(untilMs: number): AsyncGenerator<{ readonly bytes: number }> {
    let after = RECENT_ADAPTERS_PREFIX;
    for (const limit of [FIRST_KEYS, Number.POSITIVE_INFINITY]) {
      const keys = await this.store.list(RECENT_ADAPTERS_PREFIX, { after, limit });
      for (const key of keys) {
        const entry = adapterEntryOf(key);
        if (!entry) continue;
        if (entry.createdAtMs < untilMs) return;
        yield entry;
      }
      if (keys.length < limit) return;
      after = keys.at(-1)!;
    }
  }
}

/** All that is told of a tenant's usage. @throws AppError STORAGE_*, DATABASE_UNAVAILABLE */
export async function usageOf({ store, jobStore }: UsedSpace): Promise<UsageRecord> {
  const [{ adapters, bytes }, jobs] = await Promise.all([new Usage(store).totals(), jobStore.count()]);
  return { stored_bytes: bytes, adapters, jobs };
}
