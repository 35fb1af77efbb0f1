import type { Database } from '../../database/database.ts';
import { deleteAdapters } from '../adapter-rows.ts';
import type { Sweep } from './sweep.ts';

/** Rows that one transaction removes: SQLite holds up the process for so long. */
const AT_ONCE = 50;

/**
 * Removes the adapters of all tenants whose time is over, unless an unfinished job reads them.
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function sweepAdapters(database: Database, { startMs, swept }: Sweep): Promise<void> {
  const expired = () =>
    database.reader
      .selectFrom('adapter')
      .select('tenant')
      .where('expires_at', '<=', startMs)
      .distinct()
      .orderBy('tenant')
      .execute();
  for (const { tenant } of await expired()) {
    let removed: number;
    do {
      removed = await database.write(async (writer) => {
        const rows = await database
          .locked(
            writer
              .selectFrom('adapter')
              .select(['id', 'bytes'])
              .where('tenant', '=', tenant)
              .where('expires_at', '<=', startMs)
              .where(({ not, exists, selectFrom }) =>
                not(
                  exists(
                    selectFrom('job_source')
                      .innerJoin('job', 'job.id', 'job_source.job')
                      .select('job.id')
                      .whereRef('job_source.tenant', '=', 'adapter.tenant')
                      .whereRef('job_source.adapter', '=', 'adapter.id')
                      .where('job.finished_at', 'is', null),
                  ),
                ),
              )
              .limit(AT_ONCE),
          )
          .execute();
        if (rows.length === 0) return 0;
        await deleteAdapters(writer, tenant, rows);
        for (const { bytes } of rows) swept.add('adapter', bytes);
        return rows.length;
      });
    } while (removed === AT_ONCE);
  }
}
