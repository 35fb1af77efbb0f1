import type { UsageRecord } from '../../contract/usage.ts';
import type { Database, Writer } from '../../database/database.ts';
import type { JobStore } from '../job-store.ts';

export interface UsageTotals {
  readonly adapters: number;
  /** Of all files of all adapters, each counted in full. */
  readonly bytes: number;
}

/** What is needed of a workspace to know its usage. */
export interface UsedSpace {
  readonly tenant: string;
  readonly database: Pick<Database, 'reader'>;
  readonly jobStore: Pick<JobStore, 'count'>;
}

/**
 * Counts what a transaction adds to a tenant's adapters, or takes away. Others of the same tenant wait for its end, so it
 * comes last.
 */
export async function addUsage(
  writer: Writer,
  tenant: string,
  { adapters, bytes }: UsageTotals,
): Promise<void> {
  await writer
    .insertInto('usage')
    .values({ tenant, adapters, bytes })
    .onConflict((conflict) =>
      conflict.column('tenant').doUpdateSet((row) => ({
        adapters: row('usage.adapters', '+', adapters),
        bytes: row('usage.bytes', '+', bytes),
      })),
    )
    .execute();
}

/** What a tenant stores. @throws AppError DATABASE_UNAVAILABLE */
export async function storedBy({
  database,
  tenant,
}: Pick<UsedSpace, 'database' | 'tenant'>): Promise<UsageTotals> {
  const row = await database.reader
    .selectFrom('usage')
    .select(['adapters', 'bytes'])
    .where('tenant', '=', tenant)
    .executeTakeFirst();
  return row ?? { adapters: 0, bytes: 0 };
}

/** What all tenants store. @throws AppError DATABASE_UNAVAILABLE */
export async function storedByAll({ reader }: Pick<Database, 'reader'>): Promise<UsageTotals> {
  const { adapters, bytes } = await reader
    .selectFrom('usage')
    .select(({ fn }) => [
      fn.sum<number | null>('adapters').as('adapters'),
      fn.sum<number | null>('bytes').as('bytes'),
    ])
    .executeTakeFirstOrThrow();
  return { adapters: Number(adapters), bytes: Number(bytes) };
}

/** All that is told of a tenant's usage. @throws AppError DATABASE_UNAVAILABLE */
export async function usageOf(space: UsedSpace): Promise<UsageRecord> {
  const [{ adapters, bytes }, jobs] = await Promise.all([storedBy(space), space.jobStore.count()]);
  return { stored_bytes: bytes, adapters, jobs };
}
