import type { Database, Writer } from '../database/database.ts';

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

/** The live workers that take work. */
export async function liveFleet(
  { after }: Pick<Database, 'after'>,
  reader: Pick<Writer, 'selectFrom'>,
): Promise<Fleet> {
  const { slots, pace } = await reader
    .selectFrom('worker')
    .select(({ fn }) => [fn.sum('slots').as('slots'), fn.avg('ms_per_mib').as('pace')])
    .where('seen_at', '>', after(-GONE_AFTER_MS))
    // Otherwise the clock was set back since.
    .where('seen_at', '<', after(GONE_AFTER_MS))
    .where('draining_at', 'is', null)
    .executeTakeFirstOrThrow();
  return { slots: Number(slots ?? 0), msPerMib: Number(pace ?? FIRST_MS_PER_MIB) };
}

/**
 * The work of some executions (default one), in MiB of weights.
 * @param workBytes of all of them
 */
export const mibOf = (workBytes: number, count = 1): number => count * OVERHEAD_MIB + workBytes / 2 ** 20;
