import type { Database } from '../database/database.ts';
import { CONTENT_PREFIX } from '../resources/contents/content-key.ts';
import type { BlobStore } from '../storage/blob-store.ts';

/** Keys that are looked up at once. */
const PAGE_KEYS = 1_000;

/**
 * Keys of content in the storage that the database does not know: neither as content nor as being written.
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FAILED
 */
export async function* unknownObjects(database: Database, store: BlobStore): AsyncGenerator<string> {
  for (let after = CONTENT_PREFIX; ; ) {
    const keys = await store.list(CONTENT_PREFIX, { after, limit: PAGE_KEYS });
    // After the list: a write is recorded before its first byte is stored.
    const known = await knownIds(database, keys.map(idOf));
    for (const key of keys) {
      if (known.has(idOf(key)) || known.has(writeOf(idOf(key)))) continue;
      // One that was being deleted is gone by now.
      if (await store.stat(key)) yield key;
    }
    if (keys.length < PAGE_KEYS) return;
    after = keys.at(-1)!;
  }
}

const idOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);
/** The id of the write that brought a content. */
const writeOf = (id: string): string => id.split('-', 1)[0]!;

async function knownIds({ reader }: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const writes = [...new Set(ids.map(writeOf))];
  const [contents, open] = await Promise.all([
    reader.selectFrom('content').select('id').where('id', 'in', ids).execute(),
    reader.selectFrom('content_write').select('id').where('id', 'in', writes).execute(),
  ]);
  return new Set([...contents, ...open].map(({ id }) => id));
}
