import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { random } from '../../bench/adapter/random.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { isAlive } from '../e2e/process-tree.ts';
import { until } from '../queue/harness.ts';
import { Fleet } from './fleet.ts';
import {
  assertNoneLeft,
  halfWritten,
  jobsInRedis,
  openUploads,
  scratchAfterNextStart,
  scratchInUse,
  unfinishedRows,
} from './leftovers.ts';
import { type Entry, Member } from './member.ts';
import { MisbehavingClients } from './misbehaving-clients.ts';
import { Monkey } from './monkey.ts';
import { PatientClient } from './patient-client.ts';
import { Reader } from './reader.ts';
import { distinctRequests, resultDigests, uploadAdapters } from './requests.ts';
import { type Accepted, submit } from './submitter.ts';

const SUBMITTERS = 3;
/**
 * The time after the last fault: a lock lasts 15 s, checks run every 5 s, keys of dead processes last 15 s,
 * lost jobs 30 s.
 */
const SETTLE_LIMIT_MS = 600_000;
const SUBMIT_LIMIT_MS = 15 * 60_000;

export interface ChaosOptions {
  readonly folder: string;
  readonly entry: Entry;
  readonly jobs: number;
  readonly kills: number;
  readonly seed: number;
  readonly pauseMs: number;
  readonly say: (line: string) => void;
}

export interface ChaosReport {
  readonly jobs: number;
  readonly seconds: number;
  readonly killed: Monkey['killed'];
  readonly broke: Monkey['broke'];
  /** Jobs that needed more than one attempt, and jobs that were given up and then succeeded in a retry. */
  readonly repeated: number;
  readonly givenUp: number;
  readonly bodies: number;
  readonly files: number;
  readonly brokenReads: number;
  readonly abortedUploads: number;
  /** Requests that were sent more than twice until they were accepted. */
  readonly insisted: number;
}

/**
 * Submits jobs while processes die and connections break, then checks the promises of the service.
 * @throws AssertionError naming the promise that was broken
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { folder, entry, seed, say } = options;
  say(`seed ${seed}`);
  const cleanUp: (() => Promise<void>)[] = [];
  const fleet = await Fleet.start({ folder, entry, workers: 2, env: { LOG_LEVEL: 'warn' } });
  try {
    return await chaosIn(fleet, options, cleanUp);
  } catch (error) {
    for (const { options: of, log } of fleet.members.map((one) => ({ options: one.options, log: one.log() })))
      say(`seed ${seed} failed; the log of a member (${of.role}) ends with\n${log.slice(-4_000)}`);
    throw error;
  } finally {
    for (const clean of cleanUp) await clean();
    await fleet.end().catch(() => undefined);
  }
}

async function chaosIn(
  fleet: Fleet,
  options: ChaosOptions,
  cleanUp: (() => Promise<void>)[],
): Promise<ChaosReport> {
  const { folder, entry, jobs, kills, seed, pauseMs, say } = options;
  const begun = performance.now();
  const client = new PatientClient(fleet.api.url);
  const requests = distinctRequests(await uploadAdapters(client), jobs);
  const monkey = new Monkey(fleet, { random: random(seed), kills, pauseMs, say });
  const reader = new Reader(fleet.api.url);
  const rough = new MisbehavingClients(fleet.api.port, random(seed + 1));
  // A run that fails must end as well.
  cleanUp.push(
    () => reader.stop(),
    () => rough.stop(),
  );
  const accepted: Accepted[] = [];
  const deadline = Date.now() + SUBMIT_LIMIT_MS;
  const left = [...requests.entries()].reverse();
  // Submits jobs in proportion to the kills that are done, so that the load lasts as long as the trouble.
  const isEnough = (): boolean =>
    !monkey.wantsWork && monkey.kills < kills && 1 - left.length / jobs > (monkey.kills + 1) / kills;
  const submitting = Promise.all(
    Array.from({ length: SUBMITTERS }, async () => {
      for (let next = left.pop(); next; next = left.pop()) {
        while (isEnough()) await sleep(20);
        const [i, request] = next;
        accepted[i] = await submit(fleet.api.url, `chaos-${seed}-${i}`, request, deadline);
      }
    }),
  );
  submitting.catch(() => left.splice(0));
  await monkey.run();
  await submitting;
  say('calm; waiting for the rest');
  await rough.stop();
  await fleet.ready();

  const ended = await allEnded(client, accepted);
  const failed = ended.filter(({ state }) => state !== 'succeeded');
  for (const { id, error } of failed) {
    assert.equal(error?.code, 'WORKER_CRASHED', `${id} failed: ${JSON.stringify(error)}`);
  }
  assert.equal(new Set(accepted.map(({ jobId }) => jobId)).size, jobs, 'two keys have one job');
  assert.deepEqual(await listedJobs(client), accepted.map(({ jobId }) => jobId).sort(), 'the jobs there are');
  const done = await retried(client, ended);
  await until('a result that was read', () => reader.files > 0);
  await reader.stop();
  assert.deepEqual(reader.faults, [], 'what was read');
  assert.deepEqual(monkey.orphans.filter(isAlive), [], 'compute processes without a worker');
  say('comparing bytes with an undisturbed run');
  const digests: string[][] = [];
  for (const job of done) digests.push(await resultDigests(client, job));
  assert.deepEqual(digests, await undisturbed(join(folder, 'undisturbed'), entry, jobs));

  await assertNoneLeft('scratch of living processes', () => scratchInUse(fleet.storageDir));
  await assertNoneLeft('jobs in Redis', () => jobsInRedis(fleet.redisPort));
  assert.deepEqual(await unfinishedRows(fleet.databaseUrl), [], 'the database');
  assert.deepEqual(openUploads(fleet.storageDir), [], 'uploads');
  assert.deepEqual(halfWritten(fleet.storageDir), [], 'files on their way');
  assert.deepEqual(await fleet.end(), [0, 0, 0], 'exit codes');
  assert.deepEqual(
    fleet.members.flatMap(({ everyProcess }) => everyProcess).filter(isAlive),
    [],
    'processes',
  );
  assert.deepEqual(await scratchAfterNextStart(fleet.storageDir), [], 'scratch of dead processes');
  return {
    jobs,
    seconds: (performance.now() - begun) / 1000,
    killed: monkey.killed,
    broke: monkey.broke,
    repeated: ended.filter(({ attempts }) => attempts > 1).length,
    givenUp: failed.length,
    bodies: reader.bodies,
    files: reader.files,
    brokenReads: reader.broken,
    abortedUploads: rough.aborted,
    insisted: accepted.filter(({ tries }) => tries > 2).length,
  };
}

const isFinal = ({ state }: JobRecord): boolean => state !== 'queued' && state !== 'active';

async function allEnded(client: PatientClient, accepted: readonly Accepted[]): Promise<JobRecord[]> {
  const deadline = Date.now() + SETTLE_LIMIT_MS;
  const ended: JobRecord[] = [];
  for (const { jobId } of accepted) {
    for (;;) {
      // On a busy machine Redis may need longer than the API waits.
      const job = await client.json<JobRecord>(`/v1/jobs/${jobId}`).catch(() => undefined);
      if (job && isFinal(job)) {
        ended.push(job);
        break;
      }
      assert.ok(
        Date.now() < deadline,
        `${jobId} is still ${job?.state}, ${SETTLE_LIMIT_MS} ms after the last trouble`,
      );
      await sleep(100);
    }
  }
  return ended;
}

/** Ids of all jobs, page by page. */
export async function listedJobs(client: PatientClient): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor = ''; ; ) {
    const page = await client.json<{ data: JobRecord[]; next_cursor: string | null }>(
      `/v1/jobs?limit=200${cursor}`,
    );
    ids.push(...page.data.map(({ id }) => id));
    if (page.next_cursor === null) return ids.sort();
    cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
}

/** Jobs that were killed too often are submitted again, and must succeed now. */
async function retried(client: PatientClient, ended: readonly JobRecord[]): Promise<JobRecord[]> {
  return Promise.all(
    ended.map(async (job) => {
      if (job.state === 'succeeded') return job;
      const response = await client.fetch(`/v1/jobs/${job.id}/retry`, { method: 'POST' });
      const again = await client.finished(((await response.json()) as JobRecord).id);
      assert.equal(again.state, 'succeeded', JSON.stringify(again.error));
      return again;
    }),
  );
}

/** The digests of the same requests in an undisturbed run. */
async function undisturbed(folder: string, entry: Entry, jobs: number): Promise<string[][]> {
  await mkdir(folder, { recursive: true });
  const env = { DATA_DIR: folder, AUTH: 'open', LOG_LEVEL: 'warn' };
  const service = await Member.start({ role: 'all', entry, env });
  try {
    await service.ready();
    const client = new PatientClient(service.url);
    const digests: string[][] = [];
    const left = [...distinctRequests(await uploadAdapters(client), jobs).entries()];
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next; next = left.shift()) {
        const response = await client.postJob(next[1]);
        const job = await client.finished(((await response.json()) as JobRecord).id);
        assert.deepEqual([job.state, job.attempts], ['succeeded', 1]);
        digests[next[0]] = await resultDigests(client, job);
      }
    };
    await Promise.all(Array.from({ length: SUBMITTERS }, work));
    return digests;
  } finally {
    await service.stop();
  }
}
