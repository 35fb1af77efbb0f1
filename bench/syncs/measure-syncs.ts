import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fixtureAdapters } from '../../test/e2e/fixtures.ts';
import { type BenchService, withService } from '../service/bench-service.ts';
import { runJob } from '../service/run-job.ts';
import { type Answers, atRate } from './at-rate.ts';
import { CallWatch, syncsBetween } from './call-watch.ts';

export const JOBS_PER_SECOND = 60;
const PROBES_PER_SECOND = 100;
/** Time for the work that follows a job. */
const SETTLE_MS = 500;
const IDLE_MS = 5_000;
const ADAPTER = 'peft-gpt2-niket';
const RANK = 2;

export interface LiveWhileWriting {
  readonly delayMs: number;
  readonly livez: Answers;
  readonly jobs: Answers;
  /** Calls of fsync and fdatasync in that time. */
  readonly syncs: number;
}

export interface SyncsOfJob {
  /** Calls of each job, from its request to half a second after its end. */
  readonly jobs: readonly number[];
  /** Calls of the service while it gets no requests. */
  readonly idlePerMinute: number;
  readonly processes: number;
}

/** How fast `/livez` answers while jobs run, with this delay added to each fsync and fdatasync. */
export function measureLivez(folder: string, delayMs: number, seconds: number): Promise<LiveWhileWriting> {
  return watching(folder, delayMs, async ({ service }, adapterId, watch) => {
    const job = { kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: RANK }], reuse: false };
    const before = watch.counts();
    const [livez, jobs] = await Promise.all([
      atRate({ url: `${service.url}/livez` }, PROBES_PER_SECOND, seconds),
      atRate({ url: `${service.url}/v1/jobs`, body: JSON.stringify(job) }, JOBS_PER_SECOND, seconds),
    ]);
    return { delayMs, livez, jobs, syncs: syncsBetween(before, watch.counts()) };
  });
}

/** How many times files are flushed to disk for one small job. */
export function measureJob(folder: string, jobs: number): Promise<SyncsOfJob> {
  return watching(folder, 0, async ({ client }, adapterId, watch) => {
    const counted: number[] = [];
    for (let i = 0; i < jobs; i++) {
      const before = watch.counts();
      await runJob(client, { adapterId, rank: RANK });
      await sleep(SETTLE_MS);
      counted.push(syncsBetween(before, watch.counts()));
    }
    const before = watch.counts();
    await sleep(IDLE_MS);
    const after = watch.counts();
    const idlePerMinute = (syncsBetween(before, after) * 60_000) / IDLE_MS;
    return { jobs: counted, idlePerMinute, processes: after.processes };
  });
}

/** Runs a service that has an adapter and has already done a job with it. */
function watching<T>(
  folder: string,
  delayMs: number,
  use: (running: BenchService, adapterId: string, watch: CallWatch) => Promise<T>,
): Promise<T> {
  const watch = new CallWatch(join(folder, 'watch'), delayMs);
  const env = { ...watch.env, EXECUTION_PROVIDER: 'cpu' };
  return withService(join(folder, 'service'), env, async (running) => {
    const { dir } = fixtureAdapters().find(({ name }) => name === ADAPTER)!;
    const { adapter } = await running.client.upload(dir);
    await runJob(running.client, { adapterId: adapter.id, rank: RANK });
    await sleep(SETTLE_MS);
    return use(running, adapter.id, watch);
  });
}
