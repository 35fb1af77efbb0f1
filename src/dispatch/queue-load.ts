import type { Database } from '../database/database.ts';
import { timedIdMs } from '../database/ids.ts';
import { sql } from '../database/sql.ts';
import { GONE_AFTER_MS, liveFleet, mibOf } from './worker-fleet.ts';

/** The unfinished executions of a tenant. */
export interface TenantLoad {
  readonly tenant: string;
  /** Those that can be dispatched, or that were and have not begun. */
  readonly waiting: number;
  readonly active: number;
  /** Those that wait after a failed attempt until the next one is due. */
  readonly delayed: number;
  /**
   * About how long one slot would need for the waiting executions, and for the active ones from their beginning.
   * Executions of a suspended tenant do not count as waiting.
   */
  readonly waitingSeconds: number;
  readonly activeSeconds: number;
  /**
   * How long the oldest execution without any attempt has waited; undefined if there is none, or if the tenant is
   * suspended.
   */
  readonly oldestSeconds: number | undefined;
}

/** The waiting work, and the workers for it. */
export interface QueueLoad {
  readonly tenants: readonly TenantLoad[];
  /** Slots of live workers that are busy and idle; `draining` counts all slots of draining workers. */
  readonly slots: { readonly busy: number; readonly idle: number; readonly draining: number };
}

/**
 * The load of all tenants. It reads every waiting execution, through an index. @throws AppError DATABASE_UNAVAILABLE
 */
export async function queueLoad(
  database: Pick<Database, 'reader' | 'now' | 'clock' | 'after'>,
): Promise<QueueLoad> {
  const { reader, now } = database;
  const ofState = (state: 'waiting' | 'dispatched') =>
    reader.selectFrom('execution').where('state', '=', state).groupBy('tenant');
  const countIf = (condition: ReturnType<typeof sql>) =>
    sql<number>`sum(case when ${condition} then 1 else 0 end)`;
  const [waiting, oldest, dispatched, suspended, { msPerMib }, slots] = await Promise.all([
    ofState('waiting')
      .select(({ fn }) => ['tenant', fn.countAll().as('count'), fn.sum('work_bytes').as('bytes')])
      .select(countIf(sql`not_before > ${now}`).as('delayed'))
      .execute(),
    ofState('waiting')
      .select(({ fn }) => ['tenant', fn.min('id').as('id')])
      .where('dispatch_no', '=', 0)
      .execute(),
    ofState('dispatched')
      .select(({ fn }) => ['tenant', fn.countAll().as('count')])
      .select([
        countIf(sql`started_at is not null`).as('active'),
        sql<number>`sum(work_bytes)`.as('bytes'),
        sql<number>`sum(case when started_at is null then 0 else work_bytes end)`.as('active_bytes'),
        sql<string | null>`min(case when started_at is null and dispatch_no = 1 then id end)`.as('id'),
      ])
      .execute(),
    reader
      .selectFrom('tenant')
      .select('id')
      .where(({ eb, or }) => or([eb('suspended_at', 'is not', null), eb('deleting_at', 'is not', null)]))
      .execute(),
    liveFleet(database, reader),
    slotsOf(database),
  ]);
  const seconds = (bytes: number, count: number): number => (mibOf(bytes, count) * msPerMib) / 1000;
  const byTenant = <T extends { tenant: string }>(rows: readonly T[]) =>
    new Map(rows.map((row) => [row.tenant, row]));
  const [left, under, first] = [byTenant(waiting), byTenant(dispatched), byTenant(oldest)];
  const isSuspended = new Set(suspended.map(({ id }) => id));
  const tenants = [...new Set([...left.keys(), ...under.keys()])].map((tenant): TenantLoad => {
    const [queued, sent] = [left.get(tenant), under.get(tenant)];
    const active = Number(sent?.active ?? 0);
    const unbegun = Number(queued?.count ?? 0) + Number(sent?.count ?? 0) - active;
    const delayed = Number(queued?.delayed ?? 0);
    const activeBytes = Number(sent?.active_bytes ?? 0);
    const unbegunBytes = Number(queued?.bytes ?? 0) + Number(sent?.bytes ?? 0) - activeBytes;
    const isHeld = isSuspended.has(tenant);
    const ids = isHeld ? [] : [first.get(tenant)?.id, sent?.id].flatMap((id) => id ?? []);
    return {
      ...{ tenant, active, delayed, waiting: unbegun - delayed },
      waitingSeconds: isHeld ? 0 : seconds(unbegunBytes, unbegun),
      activeSeconds: seconds(activeBytes, active),
      oldestSeconds:
        ids.length === 0 ? undefined : Math.max(0, Date.now() - Math.min(...ids.map(timedIdMs))) / 1000,
    };
  });
  return { tenants, slots };
}

async function slotsOf({ reader, after }: Pick<Database, 'reader' | 'after'>): Promise<QueueLoad['slots']> {
  const rows = await reader
    .selectFrom('worker')
    .select(['slots', 'running', 'draining_at'])
    .where('seen_at', '>', after(-GONE_AFTER_MS))
    .where('seen_at', '<', after(GONE_AFTER_MS))
    .execute();
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const live = rows.filter(({ draining_at }) => draining_at === null);
  const busy = sum(live.map(({ running }) => running));
  return {
    busy,
    idle: Math.max(0, sum(live.map(({ slots }) => slots)) - busy),
    draining: sum(rows.map(({ slots, draining_at }) => (draining_at === null ? 0 : slots))),
  };
}
