import type { AdapterRecord } from '../contract/adapter.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { adapterChangesKey } from './layout.ts';

/** What can be changed of an adapter. */
export type Changeable = Pick<AdapterRecord, 'labels' | 'expires_at'>;

interface Stored extends Changeable {
  /** `created_at` of the adapter: one that was removed and came again has none of them. */
  readonly of: string;
}

/**
 * What was changed of adapters after they were made. It lies beside their records, which are written once: a change
 * that comes while an adapter is removed brings nothing back. All methods throw AppError STORAGE_*.
 */
export class AdapterChanges {
  private readonly store: BlobStore;

  constructor(store: BlobStore) {
    this.store = store;
  }

  /** The changes of an adapter, if there are any. */
  async get(id: string): Promise<Stored | undefined> {
    const bytes = await this.store.get(adapterChangesKey(id));
    return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as Stored);
  }

  async put({ id, created_at }: AdapterRecord, { labels, expires_at }: Changeable): Promise<void> {
    const stored: Stored = { of: created_at, labels, expires_at };
    await this.store.put(adapterChangesKey(id), Buffer.from(JSON.stringify(stored)));
  }

  async remove(id: string): Promise<void> {
    await this.store.remove(adapterChangesKey(id));
  }
}

/** A record with what was changed of this very adapter. */
export function withChanges(record: AdapterRecord, changes: Stored | undefined): AdapterRecord {
  if (changes?.of !== record.created_at) return record;
  return { ...record, labels: changes.labels, expires_at: changes.expires_at };
}
