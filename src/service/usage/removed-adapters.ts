import type { AdapterRecord } from '../../contract/adapter.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { turnedDigits, turnedTime } from '../layout.ts';

const REMOVED_ADAPTERS_PREFIX = 'removed-adapters/';
const ENTRY = /^([0-9a-f]{12})-([0-9a-f]{12})-[0-9a-f]{32}-(\d{1,16})$/;

/** An adapter that was removed, as the key of its entry says. */
export interface RemovedAdapter {
  readonly removedAtMs: number;
  readonly createdAtMs: number;
  readonly bytes: number;
}

/** What was removed since the last count, the newest first. Entries are empty: their keys say all. */
export class RemovedAdapters {
  private readonly store: Pick<BlobStore, 'put' | 'list'>;

  constructor(store: Pick<BlobStore, 'put' | 'list'>) {
    this.store = store;
  }

  async add({ id, created_at, bytes }: AdapterRecord): Promise<void> {
    const times = [Date.now(), Date.parse(created_at)].map(turnedTime);
    await this.store.put(
      `${REMOVED_ADAPTERS_PREFIX}${times.join('-')}-${id.slice(3)}-${bytes}`,
      new Uint8Array(),
    );
  }

  /** Keys of all entries. */
  keys(): Promise<string[]> {
    return this.store.list(REMOVED_ADAPTERS_PREFIX);
  }
}

/** undefined for what is no entry. */
export function removedAdapterOf(key: string): RemovedAdapter | undefined {
  const [, removed, created, bytes] = ENTRY.exec(key.slice(REMOVED_ADAPTERS_PREFIX.length)) ?? [];
  if (removed === undefined || created === undefined) return undefined;
  const timeOf = (turned: string) => Number.parseInt(turnedDigits(turned), 16);
  return { removedAtMs: timeOf(removed), createdAtMs: timeOf(created), bytes: Number(bytes) };
}
