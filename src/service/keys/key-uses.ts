import { LRUCache } from 'lru-cache';
import type { BlobStore } from '../../storage/blob-store.ts';

/** When a key was used last is known to the hour: so often it is written down, by each process. */
const GRAIN_MS = 3_600_000;
const MOST_REMEMBERED = 10_000;

const keyOf = (id: string): string => `key-uses/${id}`;

/** When keys were used last: what tells whether an old one can be revoked. */
export class KeyUses {
  private readonly store: BlobStore;
  private readonly written = new LRUCache<string, true>({ max: MOST_REMEMBERED, ttl: GRAIN_MS });

  constructor(store: BlobStore) {
    this.store = store;
  }

  /** Nothing depends on it: where the storage fails, a note is lost. */
  async note(id: string): Promise<void> {
    if (this.written.has(id)) return;
    this.written.set(id, true);
    await this.store
      .put(keyOf(id), Buffer.from(new Date().toISOString()))
      .catch(() => this.written.delete(id));
  }

  /** In ISO 8601, or null: never, or not in the last hour of a process that died. @throws AppError STORAGE_* */
  async lastOf(id: string): Promise<string | null> {
    const bytes = await this.store.get(keyOf(id));
    return bytes ? Buffer.from(bytes).toString('utf8') : null;
  }
}
