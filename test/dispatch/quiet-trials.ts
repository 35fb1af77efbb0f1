import { random } from '../../bench/adapter/random.ts';
import type { Database } from '../../src/database/database.ts';
import { addTenants } from './fleet.ts';
import { SimulatedFleet } from './simulated-fleet.ts';

export interface TrialSettings {
  /** All tenants with jobs, including the quiet one and the one with the backlog. */
  readonly tenants: number;
  readonly slots: number;
  /** How long every job takes. */
  readonly jobMs: number;
  /** Jobs of the tenant with the backlog. */
  readonly queued: number;
  readonly seed: number;
}

/** Jobs that each of the others always has waiting. */
const ALWAYS_WAITING = 3;
/** At most this many other jobs begin between two jobs of the quiet tenant. */
const MAX_QUIET = 3;

/**
 * A tenant that submits one job now and then, while another one has a backlog and the others always have a
 * few jobs waiting.
 */
export class QuietTrials {
  readonly fleet: SimulatedFleet;
  /** In jobs: the limit for the wait of the quiet tenant. */
  readonly bound: number;
  private readonly settings: TrialSettings;
  private readonly others: readonly string[];
  private readonly next: () => number;

  private constructor(fleet: SimulatedFleet, settings: TrialSettings, others: readonly string[]) {
    const { tenants, slots, seed } = settings;
    this.fleet = fleet;
    this.settings = settings;
    this.others = others;
    this.bound = 2 + tenants / slots;
    this.next = random(seed);
  }

  static async open(database: Database, settings: TrialSettings): Promise<QuietTrials> {
    const { tenants, slots, jobMs, queued } = settings;
    const others = Array.from({ length: tenants - 2 }, (_, index) => `other-${index}`);
    await addTenants(database, ['quiet', 'backlog', ...others]);
    const fleet = await SimulatedFleet.open(database, slots);
    const trials = new QuietTrials(fleet, settings, others);
    // The first jobs end one after the other, so that slots do not become free all at once.
    for (let slot = 1; slot <= slots; slot++)
      await fleet.submit('backlog', 1, { ms: jobMs, tookMs: (jobMs * slot) / slots });
    await fleet.submit('backlog', queued, { ms: jobMs });
    return trials;
  }

  /**
   * @param disturb what happens to the fleet right after the quiet tenant submits a job
   * @returns how long its job waited in each trial, in jobs
   */
  async run(trials: number, disturb?: (fleet: SimulatedFleet) => Promise<unknown>): Promise<number[]> {
    const { fleet, others, next } = this;
    const { jobMs } = this.settings;
    const waits: number[] = [];
    for (let trial = 0; trial < trials; trial++) {
      for (const other of others) {
        const missing = ALWAYS_WAITING - fleet.waitingOf(other);
        if (missing > 0) await fleet.submit(other, missing, { ms: jobMs });
      }
      await fleet.advance(fleet.nowMs + next() * MAX_QUIET * jobMs);
      const asked = fleet.nowMs;
      const [job] = await fleet.submit('quiet', 1, { ms: jobMs });
      await disturb?.(fleet);
      waits.push(((await fleet.begin(job!)) - asked) / jobMs);
    }
    return waits;
  }
}
