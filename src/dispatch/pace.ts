import type { Database, Writer } from '../database/database.ts';
import { isAheadOf } from './next-executions.ts';

/** A worker that has not been seen for so long is gone. */
export const GONE_AFTER_MS = 15_000;

/** What every execution costs besides its weights, as MiB of them. */
const OVERHEAD_MIB = 1;
/** Of a worker that has not done anything yet: on the safe side for two cores. */
const FIRST_MS_PER_MIB = 100;

/** All workers together. */
export interface Fleet {
  readonly slots: number;
  /** How long one slot takes for a MiB of weights. */
  readonly msPerMib: number;
}

/** The workers that are there and take work. */
export async function liveFleet(
  { after }: Pick<Database, 'after'>,
  reader: Pick<Writer, 'selectFrom'>,
): Promise<Fleet> {
  const { slots, pace } = await reader
    .selectFrom('worker')
    .select(({ fn }) => [fn.sum('slots').as('slots'), fn.avg('ms_per_mib').as('pace')])
    .where('seen_at', '>', after(-GONE_AFTER_MS))
    // Else the clock was put back since.
    .where('seen_at', '<', after(GONE_AFTER_MS))
    .where('draining_at', 'is', null)
    .executeTakeFirstOrThrow();
  return { slots: Number(slots ?? 0), msPerMib: Number(pace ?? FIRST_MS_PER_MIB) };
}

/** How much there is to do in an execution, in MiB of weights. */
export const mibOf = (workBytes: number): number => OVERHEAD_MIB + workBytes / 2 ** 20;

/**
 * About how long it takes until a waiting execution begins, in seconds; undefined while there is no worker.
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function secondsUntilStart(
  database: Pick<Database, 'reader' | 'after'>,
  { id, priority }: { readonly id: string; readonly priority: number },
): Promise<number | undefined> {
  const { reader } = database;
  const { slots, msPerMib } = await liveFleet(database, reader);
  if (slots === 0) return undefined;
  const amount = (of: 'waiting' | 'dispatched') =>
    reader
      .selectFrom('execution')
      .select(({ fn }) => [fn.countAll().as('count'), fn.sum('work_bytes').as('bytes')])
      .where('state', '=', of);
  const ahead = await amount('waiting').where(isAheadOf(priority, id)).executeTakeFirstOrThrow();
  const running = await amount('dispatched').executeTakeFirstOrThrow();
  const mib = (sum: typeof ahead) => Number(sum.count) * OVERHEAD_MIB + Number(sum.bytes ?? 0) / 2 ** 20;
  // Of those that run, half is done on average.
  return Math.ceil(((mib(ahead) + mib(running) / 2) * msPerMib) / slots / 1000);
}
