import type { Database, Writer } from '../database/database.ts';

/** A worker that has not been seen for this long has gone. */
export const GONE_AFTER_MS = 15_000;

/** The fixed cost of an execution, expressed in MiB of weights. */
const OVERHEAD_MIB = 1;
/** The pace of a worker that has not completed anything yet: a cautious value for two cores. */
const FIRST_MS_PER_MIB = 100;

/** All workers together. */
export interface Fleet {
  readonly slots: number;
  /** The time that one slot needs for a MiB of weights. */
  readonly msPerMib: number;
}

/** The live workers that accept work. */
export async function liveFleet(
  { after }: Pick<Database, 'after'>,
  reader: Pick<Writer, 'selectFrom'>,
): Promise<Fleet> {
  const { slots, pace } = await reader
    .selectFrom('worker')
    .select(({ fn }) => [fn.sum('slots').as('slots'), fn.avg('ms_per_mib').as('pace')])
    .where('seen_at', '>', after(-GONE_AFTER_MS))
    // A time in the future means that the clock has been set back since.
    .where('seen_at', '<', after(GONE_AFTER_MS))
    .where('draining_at', 'is', null)
    .executeTakeFirstOrThrow();
  return { slots: Number(slots ?? 0), msPerMib: Number(pace ?? FIRST_MS_PER_MIB) };
}

/**
 * The work of some executions (default: one), in MiB of weights.
 * @param workBytes bytes of all their weights
 */
export const mibOf = (workBytes: number, count = 1): number => count * OVERHEAD_MIB + workBytes / 2 ** 20;
