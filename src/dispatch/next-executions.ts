import type { Database, Writer } from '../database/database.ts';
import {
  eligibleShares,
  isDue,
  type ShareDefaults,
  saveShares,
  type TenantShare,
  toVirtualMs,
  type UnderWayWork,
} from './tenant-shares.ts';
import { mibOf } from './worker-fleet.ts';

/**
 * For each slot, one further execution with a shorter estimate than this may be dispatched ahead, so that the worker
 * continues at once.
 */
const SHORT_MS = 5_000;

/** An execution that is to be dispatched now. */
export interface NextExecution {
  readonly id: string;
  readonly estimateMs: number;
  /** What its tenant is charged for it, in virtual milliseconds. */
  readonly chargedMs: number;
}

/** The room that the workers have. */
export interface DispatchRoom {
  /** Idle slots; negative if workers have left. */
  readonly free: number;
  /** Short executions that may additionally wait for a slot. */
  readonly ahead: number;
  readonly msPerMib: number;
}

/**
 * Chooses the next executions by start-time fair queueing: that of the tenant with the least virtual time, which then
 * grows by the estimated duration divided by the tenant's weight. Within a tenant, the most urgent come first, and
 * among these the oldest. Executions that another transaction is changing are left out. The caller must hold the lock
 * of the shares.
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function nextExecutions(
  database: Pick<Database, 'now' | 'clock' | 'locked'>,
  writer: Writer,
  { free, ahead, msPerMib }: DispatchRoom,
  underway: ReadonlyMap<string, UnderWayWork>,
  defaults: ShareDefaults,
): Promise<NextExecution[]> {
  const maximum = free + ahead;
  const shares = await eligibleShares(database, writer, underway, defaults);
  const each = Math.ceil(maximum / Math.max(1, shares.length)) + 1;
  const tenants = shares.map((share) => new TenantQueue(database, writer, share, each));
  const next: NextExecution[] = [];
  let left = tenants;
  while (next.length < maximum && left.length > 0) {
    const tenant = left.reduce((one, other) => (other.virtualMs < one.virtualMs ? other : one));
    const first = await tenant.first();
    if (!first) {
      left = left.filter((other) => other !== tenant);
      continue;
    }
    const estimateMs = Math.max(1, Math.round(mibOf(first.work_bytes) * msPerMib));
    // Executions behind it in the order do not overtake it.
    if (next.length >= free && estimateMs >= SHORT_MS) break;
    next.push({ id: first.id, estimateMs, chargedMs: tenant.take(estimateMs) });
  }
  await saveShares(
    writer,
    tenants.map((tenant) => tenant.share),
  );
  return next;
}

/** The waiting executions of a tenant, read in slices while executions are chosen. */
class TenantQueue {
  virtualMs: number;
  private room: number;
  private readonly database: Pick<Database, 'now' | 'clock' | 'locked'>;
  private readonly writer: Writer;
  private readonly given: TenantShare;
  private readonly each: number;
  private some: { readonly id: string; readonly priority: number; readonly work_bytes: number }[] = [];
  private taken: { readonly id: string; readonly priority: number } | undefined;
  private isAll = false;

  constructor(database: TenantQueue['database'], writer: Writer, share: TenantShare, each: number) {
    this.database = database;
    this.writer = writer;
    this.given = share;
    this.each = each;
    this.virtualMs = share.virtualMs;
    this.room = share.room;
  }

  get share(): TenantShare {
    const { given, virtualMs } = this;
    return { ...given, virtualMs, isSaved: given.isSaved && virtualMs === given.virtualMs };
  }

  /** Its next execution; undefined if none may be dispatched. */
  async first(): Promise<(typeof this.some)[number] | undefined> {
    if (this.room <= 0) return undefined;
    if (this.some.length === 0 && !this.isAll) {
      this.some = await this.read();
      this.isAll = this.some.length < this.each;
    }
    return this.some[0];
  }

  /** Takes its next execution. @returns what the tenant is charged for it */
  take(estimateMs: number): number {
    this.taken = this.some.shift();
    this.room -= 1;
    const chargedMs = toVirtualMs(estimateMs, this.given.weight);
    this.virtualMs += chargedMs;
    return chargedMs;
  }

  private read(): Promise<typeof this.some> {
    const { taken } = this;
    const waiting = this.writer
      .selectFrom('execution')
      .select(['id', 'priority', 'work_bytes'])
      .where('tenant', '=', this.given.tenant)
      .where(isDue(this.database))
      .$if(taken !== undefined, (query) =>
        query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('priority', 'id'), '>', tuple(taken!.priority, taken!.id)),
        ),
      )
      .orderBy('priority')
      .orderBy('id')
      .limit(this.each);
    return this.database.locked(waiting, 'skip').execute();
  }
}
