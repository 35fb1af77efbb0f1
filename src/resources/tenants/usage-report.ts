import {
  DEFAULT_USAGE_DAYS,
  type TenantRecord,
  type TenantSummary,
  type UsageRecord,
} from '../../contract/tenant.ts';
import type { Database } from '../../database/database.ts';
import type { Dispatcher } from '../../dispatch/dispatcher.ts';
import type { Limits } from './limits.ts';
import { readUsage, utcDay } from './usage.ts';

const DAY_MS = 86_400_000;

/** The parts of a workspace from which the usage of its tenant is computed. */
export interface UsageWorkspace {
  readonly tenant: string;
  readonly database: Pick<Database, 'reader' | 'now' | 'clock' | 'after'>;
  readonly limits: () => Promise<Limits>;
  readonly dispatcher: Pick<Dispatcher, 'secondsUntilStart'>;
}

/**
 * The usage of a tenant.
 * @param days number of days, including today
 * @throws AppError TENANT_NOT_FOUND, DATABASE_UNAVAILABLE
 */
export async function usageReport(space: UsageWorkspace, days = DEFAULT_USAGE_DAYS): Promise<UsageRecord> {
  const { database, tenant } = space;
  const [totals, limits, queue, rows] = await Promise.all([
    readUsage(space),
    space.limits(),
    queueOf(space),
    database.reader
      .selectFrom('usage_day')
      .select(['day', 'jobs', 'bytes', 'compute_ms'])
      .where('tenant', '=', tenant)
      .where('day', '>', utcDay(Date.now() - days * DAY_MS))
      .orderBy('day', 'desc')
      .execute(),
  ]);
  return {
    ...totals,
    limits,
    queue,
    days: rows.map(({ day, jobs, bytes, compute_ms }) => ({
      date: day,
      jobs,
      stored_bytes: bytes,
      compute_seconds: compute_ms / 1000,
    })),
  };
}

/** Tenants with what they store and the jobs that they wait for. @throws AppError DATABASE_UNAVAILABLE */
export async function tenantSummaries(
  database: Pick<Database, 'reader'>,
  tenants: readonly TenantRecord[],
): Promise<TenantSummary[]> {
  const ids = tenants.map(({ id }) => id);
  if (ids.length === 0) return [];
  const [jobs, stored] = await Promise.all([
    jobCounts(database, ids),
    database.reader.selectFrom('usage').select(['tenant', 'bytes']).where('tenant', 'in', ids).execute(),
  ]);
  const bytes = new Map(stored.map((row) => [row.tenant, row.bytes]));
  return tenants.map((tenant) => ({
    ...tenant,
    queued: jobs.get(`${tenant.id} queued`) ?? 0,
    running: jobs.get(`${tenant.id} active`) ?? 0,
    stored_bytes: bytes.get(tenant.id) ?? 0,
  }));
}

/** Unfinished jobs of tenants, by tenant and state. */
async function jobCounts(
  { reader }: Pick<Database, 'reader'>,
  tenants: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await reader
    .selectFrom('job')
    .select(({ fn }) => ['tenant', 'state', fn.countAll().as('count')])
    .where('tenant', 'in', tenants)
    .where('state', 'in', ['queued', 'active'])
    .groupBy(['tenant', 'state'])
    .execute();
  return new Map(rows.map(({ tenant, state, count }) => [`${tenant} ${state}`, Number(count)]));
}

async function queueOf({ database, dispatcher, tenant }: UsageWorkspace): Promise<UsageRecord['queue']> {
  const { reader, now } = database;
  const [counts, oldest, next] = await Promise.all([
    jobCounts(database, [tenant]),
    reader
      .selectFrom('job')
      .select(['created_at', now.as('now')])
      .where('tenant', '=', tenant)
      .where('state', '=', 'queued')
      .orderBy('id')
      .limit(1)
      .executeTakeFirst(),
    reader
      .selectFrom('execution')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('state', '=', 'waiting')
      .orderBy('priority')
      .orderBy('id')
      .limit(1)
      .executeTakeFirst(),
  ]);
  return {
    queued: counts.get(`${tenant} queued`) ?? 0,
    running: counts.get(`${tenant} active`) ?? 0,
    oldest_waiting_seconds: oldest ? Math.max(0, Math.floor((oldest.now - oldest.created_at) / 1000)) : null,
    estimated_start_seconds: (next && (await dispatcher.secondsUntilStart(next))) ?? null,
  };
}
