import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database, Dialect } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { testDatabase } from '../../test/database/postgres-server.ts';
import { addTenants } from '../../test/dispatch/fleet.ts';
import { QuietTrials } from '../../test/dispatch/quiet-trials.ts';
import { SimulatedFleet } from '../../test/dispatch/simulated-fleet.ts';

export interface Setting {
  readonly name: string;
  readonly tenants: number;
  readonly slots: number;
  readonly jobMs: number;
  /** Whether the queue loses everything after the quiet tenant has submitted its job. */
  readonly loses?: boolean;
}

export interface MeasuredTrials extends Setting {
  /** Counted in jobs. */
  readonly bound: number;
  readonly waits: readonly number[];
}

/** The shares of two tenants, the first of which has three times the weight. */
export interface MeasuredShares {
  /** How many times longer than estimated the jobs of the first and of the second tenant take. */
  readonly factors: readonly [number, number];
  /** Seconds of slots that the first tenant got for each second of the other. */
  readonly ratio: number;
}

/** Jobs of a second are short enough to have to wait in the queue for a slot, which is the worst case. */
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
    const lose = (fleet: SimulatedFleet) => fleet.dropQueue();
    const waits = await quiet.run(trials, setting.loses ? lose : undefined);
    return { ...setting, bound: quiet.bound, waits };
  });
}

/** @param jobs number of jobs that end before the seconds are compared */
export async function measureShares(dialect: Dialect, jobs: number): Promise<MeasuredShares[]> {
  const measured: MeasuredShares[] = [];
  for (const factors of FACTORS)
    measured.push(
      await withDatabase(dialect, async (database) => {
        await addTenants(database, ['first'], { weight: 300 });
        await addTenants(database, ['second'], { weight: 100 });
        const fleet = await SimulatedFleet.open(database, 4);
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
