import { BatchStore } from '../batches/batch-store.ts';
import type { Workspaces } from '../workspaces.ts';
import type { Sweep } from './sweep.ts';

/** Rows that are read at once: SQLite holds up the process for so long. */
const PAGE_ROWS = 1_000;

/** Removes the jobs whose time is over. One of a batch that has not ended stays until then. */
export async function sweepExpiredJobs(workspaces: Workspaces, sweep: Sweep): Promise<void> {
  const pending = new Map<string, boolean>();
  const isPending = async (tenant: string, batch: string): Promise<boolean> => {
    const known = pending.get(batch) ?? (await new BatchStore(workspaces.of(tenant).store).isPending(batch));
    pending.set(batch, known);
    return known;
  };
  for (let after = { expires_at: 0, id: '' }; ; ) {
    const rows = await workspaces.database.reader
      .selectFrom('job')
      .select(['id', 'tenant', 'batch', 'expires_at'])
      .where('expires_at', '<=', sweep.startMs)
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('expires_at', 'id'), '>', tuple(after.expires_at, after.id)),
      )
      .orderBy('expires_at')
      .orderBy('id')
      .limit(PAGE_ROWS)
      .execute();
    for (const { id, tenant, batch } of rows) {
      if (batch !== null && (await isPending(tenant, batch))) continue;
      await workspaces.of(tenant).jobControl.erase({ id });
      sweep.swept.add('job');
    }
    if (rows.length < PAGE_ROWS) return;
    const { expires_at, id } = rows.at(-1)!;
    after = { expires_at: expires_at!, id };
  }
}

/** Removes the jobs of runs that are gone: those that had not ended when their run was removed. */
export async function sweepJobsOfRuns(workspaces: Workspaces, { swept }: Sweep): Promise<void> {
  for (;;) {
    const rows = await workspaces.database.reader
      .selectFrom('job')
      .select(['id', 'tenant'])
      .where('run', 'is not', null)
      .where('finished_at', 'is not', null)
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('run').select('run.id').whereRef('run.id', '=', 'job.run'))),
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
