import type { Database } from '../../database/database.ts';
import type { Sweep } from '../contents/sweep.ts';
import type { JobControl } from './control.ts';

/** The jobs of all tenants. */
export interface JobsOfAll {
  readonly database: Database;
  of(tenant: string): { readonly jobControl: Pick<JobControl, 'erase'> };
}

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
