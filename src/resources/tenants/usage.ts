import { MAX_USAGE_DAYS, type UsedTotals } from '../../contract/tenant.ts';
import type { Database, Writer } from '../../database/database.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Limits } from './limits.ts';

const DAY_MS = 86_400_000;

export interface UsageTotals {
  readonly adapters: number;
  /** The bytes of all files of all adapters, each counted in full. */
  readonly bytes: number;
}

/** The changes of a tenant's usage in a transaction. */
export interface UsageChange extends UsageTotals {
  readonly jobs: number;
  /** How long its work held a slot. */
  readonly computeMs: number;
}

/** The parts of a workspace that are needed to know its usage. */
export interface TenantDatabase {
  readonly tenant: string;
  readonly database: Pick<Database, 'reader'>;
}

/**
 * Adds the changes of a transaction to the usage of a tenant. Other transactions of the same tenant wait until this
 * one ends, so it must come last.
 */
export async function addUsage(
  writer: Writer,
  tenant: string,
  { adapters = 0, bytes = 0, jobs = 0, computeMs = 0 }: Partial<UsageChange>,
): Promise<void> {
  if (adapters !== 0 || bytes !== 0 || jobs !== 0)
    await writer
      .insertInto('usage')
      .values({ tenant, adapters, bytes, jobs })
      .onConflict((conflict) =>
        conflict.column('tenant').doUpdateSet((row) => ({
          adapters: row('usage.adapters', '+', adapters),
          bytes: row('usage.bytes', '+', bytes),
          jobs: row('usage.jobs', '+', jobs),
        })),
      )
      .execute();
  // A day counts what was added on it; later removals do not change it.
  const came = { bytes: Math.max(bytes, 0), jobs: Math.max(jobs, 0), compute_ms: Math.round(computeMs) };
  if (came.bytes + came.jobs + came.compute_ms === 0) return;
  await writer
    .insertInto('usage_day')
    .values({ tenant, day: utcDay(Date.now()), ...came })
    .onConflict((conflict) =>
      conflict.columns(['tenant', 'day']).doUpdateSet((row) => ({
        jobs: row('usage_day.jobs', '+', came.jobs),
        bytes: row('usage_day.bytes', '+', came.bytes),
        compute_ms: row('usage_day.compute_ms', '+', came.compute_ms),
      })),
    )
    .execute();
}

/** The day of a time, in the form of the table of days. */
export const utcDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/**
 * Removes the usage of days that no call shows any more.
 * @returns how many days were removed
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function removeOldUsage(database: Pick<Database, 'write'>, nowMs: number): Promise<number> {
  const { numDeletedRows } = await database.write((writer) =>
    writer
      .deleteFrom('usage_day')
      .where('day', '<=', utcDay(nowMs - MAX_USAGE_DAYS * DAY_MS))
      .executeTakeFirst(),
  );
  return Number(numDeletedRows);
}

/**
 * The tenants with the most compute time in the last 30 days, in descending order. @throws AppError
 * DATABASE_UNAVAILABLE
 */
export async function busiestTenants(
  { reader }: Pick<Database, 'reader'>,
  maximum: number,
  nowMs = Date.now(),
): Promise<string[]> {
  const rows = await reader
    .selectFrom('usage_day')
    .select('tenant')
    .where('day', '>', utcDay(nowMs - 30 * DAY_MS))
    .groupBy('tenant')
    .orderBy(({ fn }) => fn.sum('compute_ms'), 'desc')
    .orderBy(({ fn }) => fn.sum('jobs'), 'desc')
    .orderBy('tenant')
    .limit(maximum)
    .execute();
  return rows.map(({ tenant }) => tenant);
}

/** The totals of a tenant. @throws AppError DATABASE_UNAVAILABLE */
export async function readUsage({ database, tenant }: TenantDatabase): Promise<UsedTotals> {
  const row = await database.reader
    .selectFrom('usage')
    .select(['bytes as stored_bytes', 'adapters', 'jobs'])
    .where('tenant', '=', tenant)
    .executeTakeFirst();
  return { stored_bytes: 0, adapters: 0, jobs: 0, ...row };
}

/** What all tenants store. @throws AppError DATABASE_UNAVAILABLE */
export async function readTotalUsage({ reader }: Pick<Database, 'reader'>): Promise<UsageTotals> {
  const { adapters, bytes } = await reader
    .selectFrom('usage')
    .select(({ fn }) => [
      fn.sum<number | null>('adapters').as('adapters'),
      fn.sum<number | null>('bytes').as('bytes'),
    ])
    .executeTakeFirstOrThrow();
  return { adapters: Number(adapters), bytes: Number(bytes) };
}

/** The parts of a workspace that are needed to check how much it may store. */
export interface QuotaWorkspace extends TenantDatabase {
  readonly limits: () => Promise<Limits>;
}

/**
 * Refuses an adapter that would exceed the limit of stored bytes of a tenant. Costs nothing without a limit. Uploads
 * that are checked at the same moment do not see each other, so together they may exceed the limit; the next one is
 * then refused. Results of jobs count, but are never refused.
 * @param bytes of the files of the adapter
 * @throws AppError QUOTA_TOO_SMALL for an adapter that is larger than the limit, QUOTA_STORED_BYTES,
 *   DATABASE_UNAVAILABLE
 */
export async function checkStoredBytes(space: QuotaWorkspace, bytes: number): Promise<void> {
  const { stored_bytes: limit } = await space.limits();
  if (limit === null) return;
  // Every adapter has at least one byte.
  if (Math.max(1, bytes) > limit)
    throw new AppError(
      'QUOTA_TOO_SMALL',
      `The adapter has ${bytes} bytes; the tenant can store at most ${limit} bytes.`,
      { limit, wanted: bytes },
    );
  const { stored_bytes: used } = await readUsage(space);
  if (used + bytes <= limit) return;
  throw new AppError(
    'QUOTA_STORED_BYTES',
    `The tenant stores ${used} of ${limit} bytes; there is no room for ${bytes} more. Delete adapters that ` +
      'are no longer needed.',
    { used, limit, wanted: bytes },
  );
}
