import { setImmediate } from 'node:timers/promises';
import type { Database } from '../../database/database.ts';
import type { Sweep } from '../contents/sweep.ts';
import type { JobControl } from './control.ts';

/** The jobs of all tenants. */
export interface JobsOfAll {
  readonly database: Database;
  of(tenant: string): { readonly jobControl: Pick<JobControl, 'erase'> };
}

/** Items of a batch that are removed in one transaction, which must not delay other work for long. */
const ITEMS_AT_ONCE = 500;

/** Rows that are read at a time. With SQLite, reading blocks the process for its duration. */
const PAGE_ROWS = 1_000;

/** Removes ended jobs that have expired. A job of an unfinished batch stays until the batch has ended. */
export async function sweepJobs(workspaces: JobsOfAll, { startMs, swept }: Sweep): Promise<void> {
  for (;;) {
    const rows = await workspaces.database.reader
      .selectFrom('job')
      .select(['id', 'tenant'])
      .where('expires_at', '<=', startMs)
      // Also removes the jobs of a run that was removed while they were active.
      .where('finished_at', 'is not', null)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('batch')
              .select('batch.id')
              .whereRef('batch.id', '=', 'job.batch')
              .where('batch.finished_at', 'is', null),
          ),
        ),
      )
      .limit(PAGE_ROWS)
      .execute();
    for (const { id, tenant } of rows) {
      await workspaces.of(tenant).jobControl.erase({ id });
      swept.add('job');
    }
    if (rows.length < PAGE_ROWS) return;
  }
}

/** Removes expired batches, and drafts that a process has abandoned. Their jobs expire independently. */
export async function sweepBatches(database: Database, { startMs, swept }: Sweep): Promise<void> {
  for (;;) {
    const rows = await database.reader
      .selectFrom('batch')
      .select('id')
      .where('expires_at', '<=', startMs)
      .limit(PAGE_ROWS)
      .execute();
    for (const { id } of rows) {
      await removeBatchRows(database, id);
      swept.add('batch');
    }
    if (rows.length < PAGE_ROWS) return;
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
