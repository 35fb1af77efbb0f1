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
      await removeBatchRows(database, id);
      swept.add('batch');
    }
    if (rows.length < BATCHES_AT_ONCE) return;
  }
}

/** Removes an expired batch with its items; its jobs stay. */
export async function removeBatchRows(database: Database, id: string): Promise<void> {
  for (let to = ITEMS_AT_ONCE; ; to += ITEMS_AT_ONCE) {
    const isThere = await database.write(async (writer) => {
      await writer.deleteFrom('batch_member').where('batch', '=', id).where('position', '<', to).execute();
      const left = writer.selectFrom('batch_member').select('position').where('batch', '=', id).limit(1);
      if (await left.executeTakeFirst()) return true;
      await writer.deleteFrom('batch').where('id', '=', id).execute();
      return false;
    });
    if (!isThere) return;
    await setImmediate();
  }
}
