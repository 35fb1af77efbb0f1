import type { Quotas, TenantRecord } from '../../contract/tenant.ts';
import type { Database, Writer } from '../../database/database.ts';
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

  /** Makes a tenant, or changes what it may use. */
  put(id: string, quotas: Quotas): Promise<TenantRecord> {
    return this.database.write(async (writer) => {
      const row = await writer
        .insertInto('tenant')
        .values(newTenant(id, quotas))
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ quotas: JSON.stringify(quotas) }))
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
    .values(newTenant(id, {}))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

const newTenant = (id: string, quotas: Quotas): TenantTable => ({
  id,
  quotas: JSON.stringify(quotas),
  created_at: Date.now(),
});

const recordOf = ({ id, quotas, created_at }: TenantTable): TenantRecord => ({
  id,
  quotas: JSON.parse(quotas) as Quotas,
  created_at: new Date(created_at).toISOString(),
});
