import type { Database, Writer } from '../database/database.ts';
import { type Condition, isPast, sql } from '../database/sql.ts';
import { UNLIMITED } from '../database/tables.ts';

/** The longest delay of an attempt. */
export const MAX_WAIT_MS = 60_000;

/** The weight for which a virtual millisecond equals one of a slot. */
const UNIT_WEIGHT = 100;

/** The settings of tenants without their own. */
export interface ShareDefaults {
  readonly weight: number;
  /** Executions that may be dispatched at the same time; null: no limit. */
  readonly max_running: number | null;
}

export const EQUAL_SHARES: ShareDefaults = { weight: UNIT_WEIGHT, max_running: null };

/** The dispatched executions of a tenant. */
export interface UnderWayWork {
  readonly count: number;
  /** What the tenant was charged for them. */
  readonly chargedMs: number;
}

/** The share and the virtual time of a tenant. */
export interface TenantShareState {
  readonly tenant: string;
  readonly weight: number;
  /** The most executions that it may have dispatched at the same time. */
  readonly limit: number;
  readonly virtualMs: number;
  /** Whether it had something to dispatch at the last check. */
  readonly isActive: boolean;
}

/** A tenant that has something to dispatch. */
export interface TenantShare {
  readonly tenant: string;
  readonly weight: number;
  /** Its virtual time, at which its next execution starts. */
  readonly virtualMs: number;
  /** How many more of its executions may be dispatched. */
  readonly room: number;
  /** Whether the database has the same value. */
  readonly isSaved: boolean;
}

/** A dispatch that is over: its execution has ended, or waits again. */
export interface EndedDispatch {
  readonly tenant: string;
  readonly estimateMs: number;
  readonly chargedMs: number;
  /** How long it held a slot, as far as that counts. */
  readonly tookMs: number;
}

/** What a tenant is charged for a time in a slot, in virtual milliseconds. */
export const toVirtualMs = (ms: number, weight: number): number => Math.ceil((ms * UNIT_WEIGHT) / weight);

/** The slot time that a tenant gets for a number of virtual milliseconds. */
export const toSlotMs = (virtualMs: number, weight: number): number => (virtualMs * weight) / UNIT_WEIGHT;

/** The dispatched executions of tenants, by their ids. */
export async function underwayByTenant(
  reader: Pick<Writer, 'selectFrom'>,
): Promise<ReadonlyMap<string, UnderWayWork>> {
  const rows = await reader
    .selectFrom('execution')
    .select(({ fn }) => ['tenant', fn.countAll().as('count'), fn.sum('charged_ms').as('charged')])
    .where('state', '=', 'dispatched')
    .groupBy('tenant')
    .execute();
  return new Map(
    rows.map(({ tenant, count, charged }) => [
      tenant,
      { count: Number(count), chargedMs: Number(charged ?? 0) },
    ]),
  );
}

/**
 * Replaces the estimated charges of dispatches by their actual durations. The caller must hold the lock of the
 * shares.
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function settleShares(writer: Writer, ended: readonly EndedDispatch[]): Promise<void> {
  const owed = new Map<string, number>();
  for (const { tenant, estimateMs, chargedMs, tookMs } of ended) {
    const more = Math.round((chargedMs * tookMs) / estimateMs) - chargedMs;
    owed.set(tenant, (owed.get(tenant) ?? 0) + more);
  }
  for (const [tenant, more] of owed)
    if (more !== 0)
      await writer
        .updateTable('tenant_share')
        .set(({ eb }) => ({ virtual_ms: eb('virtual_ms', '+', more) }))
        .where('tenant', '=', tenant)
        .execute();
}

/**
 * The tenants that have something to dispatch, except those that are suspended or have reached their limit. A tenant
 * that had nothing before starts at the virtual time of the others, so that it neither saves up time nor pays for
 * what it used while the workers were idle.
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function eligibleShares(
  database: Pick<Database, 'now' | 'clock'>,
  reader: Pick<Writer, 'selectFrom' | 'getExecutor'>,
  underway: ReadonlyMap<string, UnderWayWork>,
  defaults: ShareDefaults,
): Promise<TenantShare[]> {
  const states = await waitingTenants(database, reader, defaults);
  const eligible = states.flatMap((state) => {
    const room = state.limit - (underway.get(state.tenant)?.count ?? 0);
    return room > 0 ? [{ ...state, room }] : [];
  });
  const floor = eligible.every(({ isActive }) => isActive)
    ? 0
    : await startingVirtualTime(reader, eligible, underway);
  return eligible.map(({ tenant, weight, room, virtualMs, isActive: isSaved }) => ({
    ...{ tenant, weight, room, isSaved },
    virtualMs: isSaved ? virtualMs : Math.max(virtualMs, floor),
  }));
}

/**
 * The virtual time at which a tenant starts that had nothing to dispatch before: the least of those that had or, if
 * there are none, that of the tenant with the most, so that all are equal.
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function startingVirtualTime(
  reader: Pick<Writer, 'selectFrom'>,
  states: readonly TenantShareState[],
  underway: ReadonlyMap<string, UnderWayWork>,
): Promise<number> {
  const active = states.filter(({ isActive }) => isActive);
  // Dispatched work may turn out to take less time, and then no other tenant must wait behind what is credited back.
  const places = active.map(({ tenant, virtualMs }) => virtualMs - (underway.get(tenant)?.chargedMs ?? 0));
  if (places.length > 0) return Math.min(...places);
  const { maximum } = await reader
    .selectFrom('tenant_share')
    .select(({ fn }) => fn.max<number | null>('virtual_ms').as('maximum'))
    .executeTakeFirstOrThrow();
  return maximum ?? 0;
}

/**
 * Stores the virtual times of tenants; all others have nothing to dispatch. The caller must hold the lock of the
 * shares.
 */
export async function saveShares(writer: Writer, shares: readonly TenantShare[]): Promise<void> {
  const active = shares.map(({ tenant }) => tenant);
  await writer
    .updateTable('tenant_share')
    .set({ is_active: 0 })
    .where('is_active', '=', sql.lit(1))
    .$if(active.length > 0, (query) => query.where('tenant', 'not in', active))
    .execute();
  const changed = shares.filter(({ isSaved }) => !isSaved);
  if (changed.length === 0) return;
  await writer
    .insertInto('tenant_share')
    .values(changed.map(({ tenant, virtualMs }) => ({ tenant, virtual_ms: virtualMs, is_active: 1 })))
    .onConflict((conflict) =>
      conflict.column('tenant').doUpdateSet(({ ref }) => ({
        virtual_ms: ref('excluded.virtual_ms'),
        is_active: 1,
      })),
    )
    .execute();
}

/** The condition for executions that can be dispatched now, as far as their time is concerned. */
export const isDue = (database: Pick<Database, 'now' | 'clock'>): Condition =>
  sql`state = 'waiting' and (not_before is null or ${isPast(database, 'not_before', MAX_WAIT_MS)})`;

/**
 * The tenants with waiting executions that are due, except suspended ones. It steps from tenant to tenant through the
 * index without reading all of their executions.
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function waitingTenants(
  database: Pick<Database, 'now' | 'clock'>,
  reader: Pick<Writer, 'getExecutor'>,
  defaults: ShareDefaults,
): Promise<TenantShareState[]> {
  const next = (after: Condition) =>
    sql`(select tenant from execution where ${isDue(database)} and ${after} order by tenant limit 1)`;
  const { rows } = await sql<ShareStateRow>`
    with recursive waiting (id) as (
      select ${next(sql`true`)}
      union all
      select ${next(sql`execution.tenant > waiting.id`)} from waiting where waiting.id is not null
    )
    select tenant.id, weight, max_running, virtual_ms, is_active from waiting
    join tenant on tenant.id = waiting.id and suspended_at is null and deleting_at is null
    left join tenant_share on tenant_share.tenant = tenant.id
    order by tenant.id
  `.execute(reader);
  return rows.map((row) => shareStateOf(row, defaults));
}

/**
 * The share state of one tenant, whatever work it has waiting; undefined if it is suspended. @throws AppError
 * DATABASE_UNAVAILABLE
 */
export async function tenantShareState(
  reader: Pick<Writer, 'selectFrom'>,
  tenant: string,
  defaults: ShareDefaults,
): Promise<TenantShareState | undefined> {
  const row = await reader
    .selectFrom('tenant')
    .leftJoin('tenant_share', 'tenant_share.tenant', 'tenant.id')
    .select(['id', 'weight', 'max_running', 'virtual_ms', 'is_active'])
    .where('id', '=', tenant)
    .where('suspended_at', 'is', null)
    .where('deleting_at', 'is', null)
    .executeTakeFirst();
  return row && shareStateOf(row, defaults);
}

interface ShareStateRow {
  readonly id: string;
  readonly weight: number | null;
  readonly max_running: number | null;
  readonly virtual_ms: number | null;
  readonly is_active: number | null;
}

function shareStateOf(row: ShareStateRow, defaults: ShareDefaults): TenantShareState {
  const limit = row.max_running ?? defaults.max_running ?? UNLIMITED;
  return {
    tenant: row.id,
    weight: row.weight ?? defaults.weight,
    limit: limit === UNLIMITED ? Infinity : limit,
    virtualMs: row.virtual_ms ?? 0,
    isActive: row.is_active === 1,
  };
}
