import type { Database, Writer } from '../database/database.ts';
import { mibOf } from './pace.ts';
import {
  chargeOf,
  eligibleShares,
  isDue,
  type ShareDefaults,
  saveShares,
  type TenantShare,
  type Underway,
} from './tenant-shares.ts';

/** One further execution that takes less than this may wait at each slot, so that the worker continues at once. */
const SHORT_MS = 5_000;

/** An execution that is dispatched now. */
export interface NextExecution {
  readonly id: string;
  readonly estimateMs: number;
  /** What its tenant is charged for it, in virtual milliseconds. */
  readonly chargedMs: number;
}

/** What there is room for. */
export interface DispatchRoom {
  /** Slots that have nothing to do; fewer than none where workers have left. */
  readonly free: number;
  /** Short executions that may wait for a slot, besides. */
  readonly ahead: number;
  readonly msPerMib: number;
}

/**
 * The executions that are to be dispatched next, by start-time fair queueing: that of the tenant with the least virtual
 * time, which then grows by what the execution is thought to take over the tenant's weight. Of one tenant the most
 * urgent come first, and the oldest of these. Those that another transaction is changing are left out. For who is
 * alone with the shares.
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function nextExecutions(
  database: Pick<Database, 'now' | 'after' | 'locked'>,
  writer: Writer,
  { free, ahead, msPerMib }: DispatchRoom,
  underway: ReadonlyMap<string, Underway>,
  defaults: ShareDefaults,
): Promise<NextExecution[]> {
  const most = free + ahead;
  const shares = await eligibleShares(database, writer, underway, defaults);
  const each = Math.ceil(most / Math.max(1, shares.length)) + 1;
  const tenants = shares.map((share) => new TenantQueue(database, writer, share, each));
  const next: NextExecution[] = [];
  let left = tenants;
  while (next.length < most && left.length > 0) {
    const tenant = left.reduce((one, other) => (other.virtualMs < one.virtualMs ? other : one));
    const first = await tenant.first();
    if (!first) {
      left = left.filter((other) => other !== tenant);
      continue;
    }
    const estimateMs = Math.max(1, Math.round(mibOf(first.work_bytes) * msPerMib));
    // What comes after it in its turn does not overtake it.
    if (next.length >= free && estimateMs >= SHORT_MS) break;
    next.push({ id: first.id, estimateMs, chargedMs: tenant.take(estimateMs) });
  }
  await saveShares(
    writer,
    tenants.map((tenant) => tenant.share),
  );
  return next;
}

/** What a tenant has waiting, some at a time, while executions are chosen. */
class TenantQueue {
  virtualMs: number;
  private room: number;
  private readonly database: Pick<Database, 'now' | 'after' | 'locked'>;
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

  /** Its next execution; undefined where there is none that may be dispatched. */
  async first(): Promise<(typeof this.some)[number] | undefined> {
    if (this.room <= 0) return undefined;
    if (this.some.length === 0 && !this.isAll) {
      this.some = await this.read();
      this.isAll = this.some.length < this.each;
    }
    return this.some[0];
  }

  /** Takes its next execution. @returns what it is charged */
  take(estimateMs: number): number {
    this.taken = this.some.shift();
    this.room -= 1;
    const chargedMs = chargeOf(estimateMs, this.given.weight);
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
