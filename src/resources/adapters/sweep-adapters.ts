import type { Database } from '../../database/database.ts';
import type { Sweep } from '../contents/sweep.ts';
import { deleteAdapters, readingJob } from './rows.ts';

/** Rows that one transaction removes. With SQLite, a transaction blocks the process for its duration. */
const AT_ONCE = 50;

/**
 * Removes the expired adapters of all tenants, unless an unfinished job reads them.
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function sweepAdapters(database: Database, { startMs, swept }: Sweep): Promise<void> {
  for (let after = { expires_at: 0, id: '' }; ; ) {
    const rows = await database.reader
      .selectFrom('adapter')
      .select(['id', 'tenant', 'expires_at'])
      .where('expires_at', '<=', startMs)
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('expires_at', 'id'), '>', tuple(after.expires_at, after.id)),
      )
      .orderBy('expires_at')
      .orderBy('id')
      .limit(AT_ONCE)
      .execute();
    for (const [tenant, ids] of byTenant(rows))
      for (const bytes of await removeExpired(database, tenant, ids, startMs)) swept.add('adapter', bytes);
    if (rows.length < AT_ONCE) return;
    const { expires_at, id } = rows.at(-1)!;
    after = { expires_at: expires_at!, id };
  }
}

function byTenant(rows: readonly { readonly id: string; readonly tenant: string }[]): Map<string, string[]> {
  const tenants = new Map<string, string[]>();
  for (const { id, tenant } of rows) {
    const ids = tenants.get(tenant);
    if (ids) ids.push(id);
    else tenants.set(tenant, [id]);
  }
  return tenants;
}

/** @returns the sizes of the removed adapters */
function removeExpired(
  database: Database,
  tenant: string,
  ids: readonly string[],
  startMs: number,
): Promise<number[]> {
  return database.write(async (writer) => {
    const wanted = writer.selectFrom('adapter').select(['id', 'bytes']).where('id', 'in', ids);
    // Locked first, so that a job that is being accepted at this moment is either found below or fails because they
    // are gone.
    const rows = await database.locked(wanted.where('expires_at', '<=', startMs).orderBy('id')).execute();
    const unread: typeof rows = [];
    for (const row of rows) if (!(await readingJob(writer, tenant, row.id))) unread.push(row);
    if (unread.length > 0) await deleteAdapters(database, writer, tenant, unread);
    return unread.map(({ bytes }) => bytes);
  });
}
