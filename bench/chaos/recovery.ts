import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRecord } from '../../src/contract/job.ts';
import { Fleet } from '../../test/chaos/fleet.ts';
import type { Entry, Member } from '../../test/chaos/member.ts';
import { Client } from '../../test/e2e/client.ts';
import { until } from '../../test/queue/harness.ts';
import { llamaAdapter } from '../adapter/adapter-spec.ts';
import { writeAdapter } from '../adapter/write-adapter.ts';

/** Four layers of Llama-2-7B at rank 64: a job of about a second, long enough to be killed in the middle. */
const SLOW = llamaAdapter(64, 4);
const AWAY_MS = 3_000;
/** Pause between jobs, because all accepted ones have to be done afterwards. */
const ACCEPTED_PAUSE_MS = 500;
const GRACE_MS = 30_000;

export interface RecoveryOptions {
  readonly folder: string;
  readonly entry: Entry;
  readonly runs: number;
  readonly say: (line: string) => void;
}

/** All times in seconds, one for each attempt. */
export interface Recovery {
  /** From the death of a worker during a job to the start of that job in another worker. */
  readonly workerCrash: number[];
  /** From the moment Redis accepts connections to the end of the first job. */
  readonly redisBack: number[];
  /** Until a job is accepted while Redis is away: it refuses connections, or accepts them and never answers. */
  readonly acceptedAway: number[];
  readonly acceptedSilent: number[];
  /** From the loss of Redis until /readyz reports it, and from its return until /readyz reports that all parts work. */
  readonly unready: number[];
  readonly readyAgain: number[];
  /** From SIGTERM during a job to the end of the worker, with exit code 0. */
  readonly gracefulStop: number[];
}

/** Measures how soon a fleet of one API and two workers has recovered. */
export async function measureRecovery({ folder, entry, runs, say }: RecoveryOptions): Promise<Recovery> {
  const adapterDir = join(folder, 'adapter');
  await writeAdapter(adapterDir, SLOW);
  const fleet = await Fleet.start({ folder, entry, workers: 2, env: { LOG_LEVEL: 'info' } });
  try {
    const client = new Client(fleet.api.url);
    const bench = new RecoveryBench(fleet, (await client.upload(adapterDir)).adapter.id);
    const many = async (name: string, times: number, measure: () => Promise<number>): Promise<number[]> => {
      const values: number[] = [];
      for (let i = 0; i < times; i++) values.push(await measure());
      say(`${name}: ${values.map((value) => value.toFixed(2)).join(' ')} s`);
      return values;
    };
    const half = Math.ceil(runs / 2);
    await bench.warm();
    const workerCrash = await many('worker crash', runs, () => bench.workerCrash());
    const gracefulStop = await many('graceful stop', half, () => bench.gracefulStop());
    const away: number[] = [];
    const unready: number[] = [];
    const readyAgain: number[] = [];
    const redisBack = await many('Redis back', half, () => bench.redisBack(away, unready, readyAgain));
    const silent: number[] = [];
    for (let i = 0; i < Math.min(runs, 3); i++) await bench.silence(silent);
    say(`accepted: ${away.length} while it refused, ${silent.length} while it was silent`);
    return {
      workerCrash,
      redisBack,
      acceptedAway: away,
      acceptedSilent: silent,
      unready,
      readyAgain,
      gracefulStop,
    };
  } finally {
    await fleet.end();
  }
}

const secondsSince = (beginMs: number): number => (performance.now() - beginMs) / 1000;

class RecoveryBench {
  private readonly fleet: Fleet;
  private readonly client: Client;
  private readonly adapterId: string;
  private jobs = 0;

  constructor(fleet: Fleet, adapterId: string) {
    this.fleet = fleet;
    this.client = new Client(fleet.api.url);
    this.adapterId = adapterId;
  }

  /** Waits until every worker has its compute process. */
  async warm(): Promise<void> {
    await this.fleet.ready();
    const jobs = await Promise.all(Array.from({ length: 4 }, () => this.accepted()));
    for (const job of jobs) assert.equal((await this.client.finished(job.id)).state, 'succeeded');
  }

  async workerCrash(): Promise<number> {
    const { id, worker } = await this.running();
    const before = this.starts(id);
    const killedMs = performance.now();
    await worker.killWithChildren();
    await until('its next start', () => (this.starts(id) > before ? true : undefined), 60_000);
    const seconds = secondsSince(killedMs);
    worker.launch();
    const job = await this.client.finished(id);
    assert.deepEqual([job.state, job.attempts], ['succeeded', 2]);
    await this.warm();
    return seconds;
  }

  async gracefulStop(): Promise<number> {
    const { id, worker } = await this.running();
    const beginMs = performance.now();
    assert.equal(await worker.stop(), 0);
    const seconds = secondsSince(beginMs);
    assert.ok(seconds < GRACE_MS / 1000);
    const job = await this.client.finished(id);
    assert.deepEqual([job.state, job.attempts], ['succeeded', 1]);
    worker.launch();
    await this.warm();
    return seconds;
  }

  /** Redis is killed while it holds jobs, stays away for a while, and returns. */
  async redisBack(accepted: number[], unready: number[], readyAgain: number[]): Promise<number> {
    const waiting = await Promise.all(Array.from({ length: 6 }, () => this.accepted()));
    const killedMs = performance.now();
    const flips = this.readiness('degraded').then(() => unready.push(secondsSince(killedMs)));
    await this.fleet.killRedis();
    await this.acceptances(accepted, AWAY_MS);
    await flips;
    await this.fleet.restartRedis();
    const backMs = performance.now();
    const backAt = Date.now();
    const ready = this.readiness('ready').then(() => readyAgain.push(secondsSince(backMs)));
    const first = await until('the first end', async () => {
      const ends = await Promise.all(waiting.map(({ id }) => this.endedAt(id)));
      const after = ends.filter((end) => end !== undefined && end > backAt) as number[];
      return after.length > 0 ? Math.min(...after) : undefined;
    });
    await ready;
    for (const { id } of waiting) assert.equal((await this.finished(id)).state, 'succeeded');
    return (first - backAt) / 1000;
  }

  async silence(accepted: number[]): Promise<void> {
    this.fleet.proxy.fault = 'blackhole';
    await this.acceptances(accepted, AWAY_MS);
    this.fleet.proxy.fault = 'none';
    await this.readiness('ready');
    await this.warm();
  }

  /** Submits jobs one after another for this long; each must be accepted, and the seconds that took are recorded. */
  private async acceptances(seconds: number[], forMs: number): Promise<void> {
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs) {
      const beginMs = performance.now();
      const response = await this.post();
      await response.text();
      assert.equal(response.status, 202);
      seconds.push(secondsSince(beginMs));
      await sleep(ACCEPTED_PAUSE_MS);
    }
  }

  private async readiness(status: 'ready' | 'degraded'): Promise<void> {
    await until(`/readyz ${status}`, async () =>
      (await this.fleet.api.readiness())?.body.includes(`"status":"${status}"`) ? true : undefined,
    );
  }

  /** A job that is being computed, and the worker that runs it. */
  private async running(): Promise<{ id: string; worker: Member }> {
    const { id } = await this.accepted();
    const worker = await until('its start', () => this.fleet.workers.find((one) => startsIn(one, id) > 0));
    return { id, worker };
  }

  private starts(id: string): number {
    return this.fleet.workers.reduce((sum, worker) => sum + startsIn(worker, id), 0);
  }

  private async finished(id: string): Promise<JobRecord> {
    return until(`the end of ${id}`, async () => {
      const job = await this.client.json<JobRecord>(`/v1/jobs/${id}`).catch(() => undefined);
      return job?.finished_at ? job : undefined;
    });
  }

  /** In milliseconds since 1970; undefined if it has not ended, or the service did not answer. */
  private async endedAt(id: string): Promise<number | undefined> {
    const job = await this.client.json<JobRecord>(`/v1/jobs/${id}`).catch(() => undefined);
    return job?.finished_at ? Date.parse(job.finished_at) : undefined;
  }

  private async accepted(): Promise<JobRecord> {
    const response = await this.post();
    const text = await response.text();
    assert.equal(response.status, 202, text);
    return JSON.parse(text) as JobRecord;
  }

  private post(): Promise<Response> {
    const targets = [{ rank: 8 }];
    const options = { method: 'exact', seed: this.jobs++ };
    return this.client.postJob({
      kind: 'squeeze',
      adapter_id: this.adapterId,
      targets,
      options,
      reuse: false,
    });
  }
}

/** How many times a worker's log reports that it started this job. */
function startsIn(worker: Member, id: string): number {
  return worker
    .log()
    .split('\n')
    .filter((line) => line.includes('"job started"') && line.includes(id)).length;
}
