import type { Database, Writer } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import {
  type ShareDefaults,
  startingVirtualTime,
  type TenantShareState,
  tenantShareState,
  toSlotMs,
  toVirtualMs,
  underwayByTenant,
  waitingTenants,
} from './tenant-shares.ts';
import { liveFleet, mibOf } from './worker-fleet.ts';

/** The most executions of another tenant that are read: more of them would not change the estimate. */
const MAX_OTHERS = 500;
/** Rounds of the estimate: tenants that have reached their limit delay each other less than first assumed. */
const ROUNDS = 5;

/** An execution that waits, or is about to. */
export interface JobAhead {
  readonly tenant: string;
  readonly id: string;
  readonly priority: number;
}

/** The number of executions of the same tenant before a waiting one. @throws AppError DATABASE_UNAVAILABLE */
export async function executionsAhead(
  { reader }: Pick<Database, 'reader'>,
  { tenant, id, priority }: JobAhead,
): Promise<number> {
  const { ahead } = await reader
    .selectFrom('execution')
    .select(({ fn }) => fn.countAll().as('ahead'))
    .where('state', '=', 'waiting')
    .where('tenant', '=', tenant)
    .where(isAheadOf(priority, id))
    .executeTakeFirstOrThrow();
  return Number(ahead);
}

interface Other extends TenantShareState {
  /** Its waiting work, in milliseconds of slots. */
  readonly workMs: number;
  /** The work of one of its executions. */
  readonly eachMs: number;
}

/**
 * Estimated time until a waiting execution starts, in seconds: the work of its own tenant before it, plus the shares
 * of the others until their virtual time reaches that of its start, over all slots.
 * @returns undefined if there is no worker, or none for its tenant
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function estimateSecondsUntilStart(
  database: Pick<Database, 'reader' | 'now' | 'clock' | 'after'>,
  { tenant, id, priority }: JobAhead,
  defaults: ShareDefaults,
): Promise<number | undefined> {
  const { reader } = database;
  const { slots, msPerMib } = await liveFleet(database, reader);
  const own = slots === 0 ? undefined : await tenantShareState(reader, tenant, defaults);
  if (!own || own.limit === 0) return undefined;
  const msOf = (sum: Sum): number => mibOf(Number(sum.bytes ?? 0), Number(sum.count)) * msPerMib;
  const sumOf = (state: 'waiting' | 'dispatched') =>
    reader
      .selectFrom('execution')
      .select(({ fn }) => [fn.countAll().as('count'), fn.sum('work_bytes').as('bytes')])
      .where('state', '=', state);
  const before = sumOf('waiting').where('tenant', '=', tenant).where(isAheadOf(priority, id));
  const aheadMs = msOf(await before.executeTakeFirstOrThrow());
  // On average, half of a running execution is done.
  const runningMs = msOf(await sumOf('dispatched').executeTakeFirstOrThrow()) / 2;
  const ownRunning = await sumOf('dispatched').where('tenant', '=', tenant).executeTakeFirstOrThrow();
  const ownMs = aheadMs + msOf(ownRunning) / 2;

  const underway = await underwayByTenant(reader);
  const states = await waitingTenants(database, reader, defaults);
  const floor = await startingVirtualTime(reader, states, underway);
  const placeOf = ({ virtualMs, isActive }: TenantShareState) =>
    isActive ? virtualMs : Math.max(virtualMs, floor);
  const target = placeOf(own) + toVirtualMs(aheadMs, own.weight);
  const others: Other[] = [];
  for (const state of states) {
    if (state.tenant === tenant || placeOf(state) > target) continue;
    const sum = await workOf(reader, state.tenant);
    const isMore = Number(sum.count) === MAX_OTHERS;
    const eachMs = msOf(sum) / Number(sum.count);
    others.push({ ...state, eachMs, workMs: isMore ? Infinity : msOf(sum) });
  }
  // Tenants take turns by whole executions, which adds half of one on average.
  const shareMs = (other: Other): number =>
    Math.min(other.workMs, toSlotMs(target - placeOf(other), other.weight) + other.eachMs / 2);
  let ms = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const atMost = ms;
    const otherMs = others.reduce((sum, other) => sum + Math.min(shareMs(other), other.limit * atMost), 0);
    ms = Math.max((otherMs + aheadMs + runningMs) / slots, ownMs / own.limit);
  }
  return Math.ceil(ms / 1000);
}

interface Sum {
  readonly count: string | number | bigint;
  readonly bytes: string | number | bigint | null;
}

/** Whether an execution of the same tenant comes before another one. */
const isAheadOf = (priority: number, id: string) => sql<boolean>`(priority, id) < (${priority}, ${id})`;

/** The next work of a tenant. */
function workOf(reader: Pick<Writer, 'selectFrom'>, tenant: string): Promise<Sum> {
  return reader
    .selectFrom((from) =>
      from
        .selectFrom('execution')
        .select('work_bytes')
        .where('state', '=', 'waiting')
        .where('tenant', '=', tenant)
        .orderBy('priority')
        .orderBy('id')
        .limit(MAX_OTHERS)
        .as('some'),
    )
    .select(({ fn }) => [fn.countAll().as('count'), fn.sum('work_bytes').as('bytes')])
    .executeTakeFirstOrThrow();
}
