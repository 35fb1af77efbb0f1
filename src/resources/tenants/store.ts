import type { JobPriority } from '../../contract/job-request.ts';
import type { Quotas, TenantRecord, TenantRequest } from '../../contract/tenant.ts';
import type { Database, Snapshot, Writer } from '../../database/database.ts';
import type { TenantTable } from '../../database/tables.ts';

/** The rows of tenants. Ids are well-formed. All methods throw AppError DATABASE_UNAVAILABLE, `put` STORAGE_FULL too. */
export class TenantStore {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** In the order of their ids. */
  async list(): Promise<TenantRecord[]> {
    const rows = await this.database.reader.selectFrom('tenant').selectAll().orderBy('id').execute();
    return rows.map(recordOf);
  }

  async get(id: string): Promise<TenantRecord | undefined> {
    const { reader } = this.database;
    const row = await reader.selectFrom('tenant').selectAll().where('id', '=', id).executeTakeFirst();
    return row && recordOf(row);
  }

  /** Makes a tenant, or sets all that is set for it anew. */
  put(id: string, settings: TenantRequest): Promise<TenantRecord> {
    return this.database.write(async (writer) => {
      const columns = columnsOf(settings);
      const row = await writer
        .insertInto('tenant')
        .values({ id, ...columns, created_at: Date.now() })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
        .returningAll()
        .executeTakeFirstOrThrow();
      return recordOf(row);
    });
  }
}

/** Makes a tenant unless there is one of that id. @param id well-formed */
export async function ensureTenant(writer: Writer, id: string): Promise<void> {
  await writer
    .insertInto('tenant')
    .values({ id, created_at: Date.now() })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Whether there is a tenant of that id. @param id well-formed */
export async function isTenant(reader: Snapshot, id: string): Promise<boolean> {
  return (
    (await reader.selectFrom('tenant').select('id').where('id', '=', id).executeTakeFirst()) !== undefined
  );
}

/** What a column has where there is no limit, whatever the defaults of the service are. */
const UNLIMITED = -1;

const QUOTAS = [
  'stored_bytes',
  'max_queued',
  'max_running',
  'requests_per_minute',
] as const satisfies readonly (keyof Quotas)[];

function columnsOf({ weight = null as number | null, max_priority = null as string | null, quotas = {} }) {
  const limits = QUOTAS.map((name) => {
    const limit = (quotas as Quotas)[name];
    return [name, limit === null ? UNLIMITED : (limit ?? null)] as const;
  });
  return { weight, max_priority, ...(Object.fromEntries(limits) as Pick<TenantTable, keyof Quotas>) };
}

function recordOf({ id, weight, max_priority, created_at, ...row }: TenantTable): TenantRecord {
  const limits = QUOTAS.filter((name) => row[name] !== null);
  return {
    id,
    ...(weight !== null && { weight }),
    ...(max_priority !== null && { max_priority: max_priority as JobPriority }),
    quotas: Object.fromEntries(limits.map((name) => [name, row[name] === UNLIMITED ? null : row[name]])),
    created_at: new Date(created_at).toISOString(),
  };
}
