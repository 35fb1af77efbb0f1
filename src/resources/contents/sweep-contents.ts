import type { Database, Writer } from '../../database/database.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { contentKey } from './content-files.ts';
import { isDeletionHeld } from './deletion-hold.ts';
import type { Sweep } from './sweep.ts';

/** Rows that one transaction changes. With SQLite, a transaction blocks the process for its duration. */
const AT_ONCE = 200;

/** The digest of the remains of an abandoned write. */
const UNKNOWN = '';

/**
 * Removes content that has had no reference for the grace period, and the remains of abandoned writes. The cost
 * depends on what is removed, not on what is stored. A crash at any point leaves rows that the next sweep finds.
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_*
 */
export async function sweepContents(database: Database, store: BlobStore, sweep: Sweep): Promise<void> {
  await removeWrites(database, store, sweep);
  await releaseUnused(database, sweep);
  await removeDeleting(database, store, sweep);
}

/** Removes abandoned writes. A transaction that is about to refer to one finds that it is gone. */
async function removeWrites(database: Database, store: BlobStore, { startMs }: Sweep): Promise<void> {
  const { reader } = database;
  const writes = await reader
    .selectFrom('content_write')
    .select('id')
    .where('expires_at', '<', startMs)
    .execute();
  for (const { id } of writes) {
    const keys = await store.list(contentKey(id));
    await database.write(async (writer) => {
      // Recorded as content that is being removed, so that they are found again after a crash.
      for (const key of keys) {
        const left = { id: key.slice(key.lastIndexOf('/') + 1), sha256: UNKNOWN, bytes: 0, inline: null };
        await writer
          .insertInto('content')
          .values({ ...left, state: 'deleting', released_at: null })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      }
      await writer.deleteFrom('content_write').where('id', '=', id).execute();
    });
  }
}

/**
 * Examines content whose last reference ended before the grace period, and removes what still has none. Content that
 * is being deleted when a backup begins is not part of it, so only this step has to wait for a backup.
 */
async function releaseUnused(database: Database, { cutoffMs }: Sweep): Promise<void> {
  for (;;) {
    const changed = await database.write(async (writer) => {
      if (await isDeletionHeld(database, writer)) return 0;
      const released = await writer
        .selectFrom('content')
        .select('id')
        .where('released_at', '<', cutoffMs)
        .where('state', '=', 'stored')
        .orderBy('released_at')
        .limit(AT_ONCE)
        .execute();
      const ids = released.map(({ id }) => id);
      if (ids.length === 0) return 0;
      const used = await usedOf(writer, ids);
      const mark = (wanted: string[]) =>
        writer.updateTable('content').where('id', 'in', wanted).where('released_at', '<', cutoffMs);
      const unused = ids.filter((id) => !used.has(id));
      if (used.size > 0)
        await mark([...used])
          .set({ released_at: null })
          .execute();
      if (unused.length > 0) await mark(unused).set({ released_at: null, state: 'deleting' }).execute();
      return ids.length;
    });
    if (changed < AT_ONCE) return;
  }
}

async function removeDeleting(database: Database, store: BlobStore, { swept }: Sweep): Promise<void> {
  for (let after = ''; ; ) {
    const rows = await database.reader
      .selectFrom('content')
      .select(['id', 'sha256', 'bytes', 'inline'])
      .where('state', '=', 'deleting')
      .where('id', '>', after)
      .orderBy('id')
      .limit(AT_ONCE)
      .execute();
    if (rows.length === 0) return;
    for (const { id, inline } of rows) if (inline === null) await store.remove(contentKey(id));
    const ids = rows.map(({ id }) => id);
    await database.write((writer) => writer.deleteFrom('content').where('id', 'in', ids).execute());
    for (const { sha256, bytes } of rows) swept.add(sha256 === UNKNOWN ? 'stray' : 'blob', bytes);
    after = ids.at(-1)!;
  }
}

/** The contents that have references. */
async function usedOf(writer: Writer, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const used = await writer
    .selectFrom('adapter_file')
    .select('content')
    .where('content', 'in', ids)
    .union(writer.selectFrom('job_file').select('content').where('content', 'in', ids))
    .union(
      writer
        .selectFrom('checkpoint')
        .select('modules_content as content')
        .where('modules_content', 'in', ids),
    )
    .execute();
  return new Set(used.map(({ content }) => content));
}
