import { ADAPTER_CHANGES_PREFIX, ADAPTERS_PREFIX, idOfKey, RECENT_ADAPTERS_PREFIX } from '../layout.ts';
import { adapterEntryOf } from '../listing/adapter-index.ts';
import { hasExpired } from '../stored-adapters.ts';
import { forEach, keysOf, removeStrays, type Sweep, type SweptSpace } from './sweep.ts';

/** What a tenant's adapters are, counted while they are swept. */
export interface AdapterCount {
  readonly adapters: number;
  readonly bytes: number;
}

/**
 * Removes the adapters whose time is over, unless an unfinished job reads them; notes the blobs of all others, and
 * counts those made before `countedUntilMs`.
 */
export async function sweepAdapters(
  space: SweptSpace,
  sweep: Sweep,
  countedUntilMs: number,
): Promise<AdapterCount> {
  const { store, adapters } = space;
  /** When each adapter was created, by its id. */
  const createdMs = new Map<string, number>();
  const count = { adapters: 0, bytes: 0 };
  await forEach(keysOf(store, ADAPTERS_PREFIX), async (key) => {
    const id = idOfKey(key);
    const record = await adapters.find(id);
    if (!record) return;
    const removed = hasExpired(record, sweep.startMs)
      ? await adapters.removeExpired(id, sweep.startMs)
      : undefined;
    if (removed !== undefined) return sweep.swept.add('adapter', removed);
    const created = Date.parse(record.created_at);
    createdMs.set(id, created);
    for (const { sha256 } of record.files) sweep.unreferenced.found(sha256);
    if (created >= countedUntilMs) return;
    count.adapters++;
    count.bytes += record.bytes;
  });

  await removeStrays(space, sweep, RECENT_ADAPTERS_PREFIX, (name) => {
    const entry = adapterEntryOf(RECENT_ADAPTERS_PREFIX + name);
    return !entry || createdMs.get(entry.id) !== entry.createdAtMs;
  });
  await removeStrays(space, sweep, ADAPTER_CHANGES_PREFIX, (name) => !createdMs.has(idOfKey(name)));
  return count;
}
