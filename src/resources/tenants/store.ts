import type { JobPriority } from '../../contract/job-request.ts';
import type { Quotas, TenantRecord, TenantRequest, TenantState } from '../../contract/tenant.ts';
import type { Database, Writer } from '../../database/database.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { type TenantTable, UNLIMITED } from '../../database/tables.ts';
import { AppError } from '../../errors/app-error.ts';

/**
 * The rows of tenants. Ids are well-formed. All methods throw AppError DATABASE_UNAVAILABLE, and `put` STORAGE_FULL
 * as well.
 */
export class TenantStore {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** In the order of their ids. */
  async page({ limit, after }: PageRequest): Promise<Page<TenantRecord>> {
    const rows = await this.database.reader
      .selectFrom('tenant')
      .selectAll()
      .$if(after !== undefined, (query) => query.where('id', '>', after!))
      .orderBy('id')
      .limit(limit + 1)
      .execute();
    const items = rows.slice(0, limit).map(recordOf);
    return { items, next: rows.length > limit ? items.at(-1)!.id : null };
  }

  async get(id: string): Promise<TenantRecord | undefined> {
    const { reader } = this.database;
    const row = await reader.selectFrom('tenant').selectAll().where('id', '=', id).executeTakeFirst();
    return row && recordOf(row);
  }

  /**
   * Creates a tenant, or replaces all its settings.
   * @throws AppError TENANT_DELETING
   */
  put(id: string, settings: TenantRequest): Promise<TenantRecord> {
    return this.database.write(async (writer) => {
      await isTenant(this.database, writer, id);
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

  /**
   * Suspends a tenant, or resumes it. If it already has this state, nothing changes.
   * @returns undefined if it does not exist
   * @throws AppError TENANT_DELETING
   */
  suspend(id: string, isSuspended: boolean): Promise<TenantRecord | undefined> {
    const { database } = this;
    return database.write(async (writer) => {
      await isTenant(database, writer, id);
      const row = await writer
        .updateTable('tenant')
        .set(({ fn }) => ({ suspended_at: isSuspended ? fn.coalesce('suspended_at', database.now) : null }))
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst();
      return row && recordOf(row);
    });
  }

  /**
   * Starts the deletion of a tenant: from now on its keys are refused and none of its executions are dispatched. Its
   * records are removed later.
   * @returns undefined if it does not exist
   */
  delete(id: string): Promise<TenantRecord | undefined> {
    const { database } = this;
    return database.write(async (writer) => {
      const row = await writer
        .updateTable('tenant')
        .set(({ fn }) => ({ deleting_at: fn.coalesce('deleting_at', database.now) }))
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst();
      if (!row) return undefined;
      await writer
        .updateTable('api_key')
        .set({ revoked_at: Date.now() })
        .where('tenant', '=', id)
        .where('revoked_at', 'is', null)
        .execute();
      return recordOf(row);
    });
  }
}

/** Creates a tenant unless it exists. @param id well-formed @throws AppError TENANT_DELETING */
export async function ensureTenant(writer: Writer, id: string): Promise<void> {
  const inserted = await writer
    .insertInto('tenant')
    .values({ id, created_at: Date.now() })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  if (inserted) return;
  const row = await writer.selectFrom('tenant').select('deleting_at').where('id', '=', id).executeTakeFirst();
  if (row && row.deleting_at !== null) throw tenantDeleting(id);
}

/**
 * Whether a tenant with this id exists. Its deletion cannot begin before the transaction has ended.
 * @param id well-formed
 * @throws AppError TENANT_DELETING
 */
export async function isTenant(
  { locked }: Pick<Database, 'locked'>,
  writer: Writer,
  id: string,
): Promise<boolean> {
  const row = await locked(
    writer.selectFrom('tenant').select('deleting_at').where('id', '=', id),
  ).executeTakeFirst();
  if (row && row.deleting_at !== null) throw tenantDeleting(id);
  return row !== undefined;
}

const tenantDeleting = (id: string): AppError =>
  new AppError(
    'TENANT_DELETING',
    `Tenant ${id} is being deleted; its id can be used again once that is done.`,
    { tenant: id },
  );

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

function recordOf({ id, weight, max_priority, suspended_at, created_at, ...row }: TenantTable): TenantRecord {
  const limits = QUOTAS.filter((name) => row[name] !== null);
  return {
    id,
    ...(weight !== null && { weight }),
    ...(max_priority !== null && { max_priority: max_priority as JobPriority }),
    quotas: Object.fromEntries(limits.map((name) => [name, row[name] === UNLIMITED ? null : row[name]])),
    state: stateOf({ suspended_at, ...row }),
    suspended_at: suspended_at === null ? null : new Date(suspended_at).toISOString(),
    created_at: new Date(created_at).toISOString(),
  };
}

const stateOf = ({
  suspended_at,
  deleting_at,
}: Pick<TenantTable, 'suspended_at' | 'deleting_at'>): TenantState =>
  deleting_at !== null ? 'deleting' : suspended_at !== null ? 'suspended' : 'active';
