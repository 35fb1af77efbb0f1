import type { Database } from '../../database/database.ts';
import { BatchStore } from '../batches/batch-store.ts';
import { idOfKey, REPORTS_PREFIX } from '../layout.ts';
import type { Workspaces } from '../workspaces.ts';
import { keysOf, type Sweep, type SweptSpace } from './sweep.ts';

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

/** Notes the content that jobs of all tenants read or wrote beside adapters. @throws AppError DATABASE_UNAVAILABLE */
export async function noteJobFiles(
  { reader }: Pick<Database, 'reader'>,
  { unreferenced }: Pick<Sweep, 'unreferenced'>,
): Promise<void> {
  for (let after = { job: '', sha256: '' }; ; ) {
    const rows = await reader
      .selectFrom('job_file')
      .select(['job', 'sha256'])
      .where(({ eb, refTuple, tuple }) => eb(refTuple('job', 'sha256'), '>', tuple(after.job, after.sha256)))
      .orderBy('job')
      .orderBy('sha256')
      .limit(PAGE_ROWS)
      .execute();
    for (const { sha256 } of rows) unreferenced.found(sha256);
    if (rows.length < PAGE_ROWS) return;
    after = rows.at(-1)!;
  }
}

/** Removes reports whose jobs are gone: of those that were deleted while somebody did them. */
export async function sweepReports({ store, jobStore }: SweptSpace, sweep: Sweep): Promise<void> {
  let keys: string[] = [];
  const removeStray = async (): Promise<void> => {
    const known = await jobStore.known(keys.map(idOfKey));
    for (const key of keys.filter((one) => !known.has(idOfKey(one)))) {
      const removed = await store.removeUnmodified(key, sweep.cutoffMs);
      if (removed) sweep.swept.add('stray', removed.bytes);
    }
    keys = [];
  };
  for await (const key of keysOf(store, REPORTS_PREFIX)) {
    keys.push(key);
    if (keys.length === PAGE_ROWS) await removeStray();
  }
  await removeStray();
}
