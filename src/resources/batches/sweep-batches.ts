import { setImmediate } from 'node:timers/promises';
import type { Database } from '../../database/database.ts';
import type { Sweep } from '../contents/sweep.ts';

/** Items of a batch that are removed in one transaction, which must not delay other work for long. */
const ITEMS_AT_ONCE = 500;

/** Batches that are read at a time. With SQLite, reading blocks the process for its duration. */
const BATCHES_AT_ONCE = 1_000;

/** Removes expired batches, and drafts that a process has abandoned. Their jobs expire independently. */
export async function sweepBatches(database: Database, { startMs, swept }: Sweep): Promise<void> {
  for (;;) {
    const rows = await database.reader
      .selectFrom('batch')
      .select('id')
      .where('expires_at', '<=', startMs)
      .limit(BATCHES_AT_ONCE)
      .execute();
    for (const { id } of rows) {
      if (await removeBatchRows(database, id, { expiredAtMs: startMs })) swept.add('batch');
    }
    if (rows.length < BATCHES_AT_ONCE) return;
  }
}

/**
 * Removes a batch with its items, as long as the conditions hold; its jobs stay.
 * @param conditions `expiredAtMs`: the batch has expired by this time; `isDraft`: it has not been accepted
 * @returns false if the batch stays, or is not there
 */
export async function removeBatchRows(
  database: Database,
  id: string,
  { expiredAtMs, isDraft = false }: { readonly expiredAtMs?: number; readonly isDraft?: boolean } = {},
): Promise<boolean> {
  for (let to = ITEMS_AT_ONCE; ; to += ITEMS_AT_ONCE) {
    const next = await database.write(async (writer) => {
      // Locked first, because a draft may be accepted at this moment.
      const batch = writer
        .selectFrom('batch')
        .select('id')
        .where('id', '=', id)
        .$if(expiredAtMs !== undefined, (query) => query.where('expires_at', '<=', expiredAtMs!))
        .$if(isDraft, (query) => query.where('accepted_at', 'is', null));
      if (!(await database.locked(batch).executeTakeFirst())) return 'stays';
      await writer.deleteFrom('batch_member').where('batch', '=', id).where('position', '<', to).execute();
      const left = writer.selectFrom('batch_member').select('position').where('batch', '=', id).limit(1);
      if (await left.executeTakeFirst()) return 'continue';
      await writer.deleteFrom('batch').where('id', '=', id).execute();
      return 'removed';
    });
    if (next !== 'continue') return next === 'removed';
    await setImmediate();
  }
}
