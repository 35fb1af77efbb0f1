import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database, Dialect } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { testDatabase } from '../../test/database/postgres-server.ts';
import { addTenants } from '../../test/dispatch/fleet.ts';
import { PlayedFleet } from '../../test/dispatch/played-fleet.ts';
import { QuietTrials } from '../../test/dispatch/quiet-trials.ts';

export interface Setting {
  readonly name: string;
  readonly tenants: number;
  readonly slots: number;
  readonly jobMs: number;
  /** The queue loses everything when the quiet tenant has asked. */
  readonly loses?: boolean;
}

export interface MeasuredTrials extends Setting {
  /** In jobs. */
  readonly bound: number;
  readonly waits: readonly number[];
}

/** Two tenants, of three times the weight the first. */
export interface MeasuredShares {
  /** How much longer the jobs of the first take than the service thinks, and those of the second. */
  readonly factors: readonly [number, number];
  /** Seconds of slots of the first for each of the second. */
  readonly ratio: number;
}

/** Jobs of a second are short enough to wait for a slot in the queue, which is the worst case. */
export const SETTINGS: readonly Setting[] = [
  { name: '4 tenants, 4 slots', tenants: 4, slots: 4, jobMs: 1_000 },
  { name: '10 tenants, 4 slots', tenants: 10, slots: 4, jobMs: 1_000 },
  { name: '20 tenants, 4 slots, long jobs', tenants: 20, slots: 4, jobMs: 60_000 },
  { name: '10 tenants, 4 slots, Redis emptied', tenants: 10, slots: 4, jobMs: 1_000, loses: true },
];

const FACTORS: readonly (readonly [number, number])[] = [
  [1, 1],
  [3, 0.5],
  [0.5, 3],
];

export function measureTrials(
  dialect: Dialect,
  setting: Setting,
  { queued, trials }: { readonly queued: number; readonly trials: number },
): Promise<MeasuredTrials> {
  return withDatabase(dialect, async (database) => {
    const quiet = await QuietTrials.open(database, { ...setting, queued, seed: setting.tenants });
    const lose = (fleet: PlayedFleet) => fleet.lose();
    const waits = await quiet.run(trials, setting.loses ? lose : undefined);
    return { ...setting, bound: quiet.bound, waits };
  });
}

/** @param jobs how many end before the seconds are compared */
export async function measureShares(dialect: Dialect, jobs: number): Promise<MeasuredShares[]> {
  const measured: MeasuredShares[] = [];
  for (const factors of FACTORS)
    measured.push(
      await withDatabase(dialect, async (database) => {
        await addTenants(database, ['first'], { weight: 300 });
        await addTenants(database, ['second'], { weight: 100 });
        const fleet = await PlayedFleet.open(database, 4);
        const ms = 6_000;
        await fleet.submit('first', jobs, { ms, tookMs: ms * factors[0] });
        await fleet.submit('second', jobs, { ms, tookMs: ms * factors[1] });
        for (let ended = 0; ended < jobs; ended++) await fleet.step();
        const { slotMs } = fleet;
        return { factors, ratio: slotMs.get('first')! / slotMs.get('second')! };
      }),
    );
  return measured;
}

async function withDatabase<T>(dialect: Dialect, work: (database: Database) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'squeeze-fairness-'));
  const url = dialect === 'postgresql' ? await testDatabase() : undefined;
  const database = await openDatabase({ url, dataDir: folder, poolSize: 5, timeoutMs: 10_000 });
  try {
    return await work(database);
  } finally {
    await database.close();
    await rm(folder, { recursive: true, force: true });
  }
}
