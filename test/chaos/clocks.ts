import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRecord } from '../../src/contract/job.ts';
import { DATABASE_FILE } from '../../src/database/open-database.ts';
import { socketPathIn } from '../../src/queue/broker-folder.ts';
import { noPostgres } from '../database/postgres-server.ts';
import { until } from '../queue/harness.ts';
import { listedJobs } from './chaos-run.ts';
import { Fleet, type FleetProcess } from './fleet.ts';
import {
  halfWritten,
  jobsInRedis,
  scratchAfterNextStart,
  scratchInUse,
  unfinishedRows,
  unfinishedRowsIn,
} from './leftovers.ts';
import { type Entry, Member } from './member.ts';
import { PatientClient } from './patient-client.ts';
import { distinctRequests, resultDigests, uploadAdapters } from './requests.ts';
import { noCompiler, ShiftedClock } from './shifted-clock.ts';
import { type Accepted, submit } from './submitter.ts';

const DAY_MS = 86_400_000;
/** Jobs are queued or active when the clocks jump. */
const PAUSE_MS = 250;
/**
 * From a jump to the end of the jobs accepted before it. That usually takes seconds; only a job that waits
 * for a clock takes this long.
 */
const LIMIT_MS = 120_000;

/** How many days each clock is ahead. */
type Days<Name extends string> = Readonly<Record<Name, -1 | 0 | 1>>;

/** In a single process, the clock of the process is also that of the database. */
const ALONE = [{ service: 1 }, { service: -1 }, { service: 0 }] satisfies Days<'service'>[];

const RIGHT = { 'api-0': 0, 'worker-0': 0, 'worker-1': 0, postgres: 0, redis: 0 } as const;
const all = (days: -1 | 0 | 1) => ({ 'api-0': days, 'worker-0': days, 'worker-1': days }) as const;
/**
 * First the clocks of the service jump, all together and one by one, then those of PostgreSQL and Redis as
 * well.
 */
const FLEET: Days<FleetClock>[] = [
  { ...RIGHT, ...all(1) },
  { ...RIGHT, ...all(-1) },
  RIGHT,
  { ...RIGHT, 'worker-1': 1 },
  { ...RIGHT, 'api-0': -1, 'worker-0': 1 },
  RIGHT,
  { ...all(1), postgres: 1, redis: 1 },
  { ...all(-1), postgres: -1, redis: -1 },
  RIGHT,
  { ...RIGHT, postgres: 1 },
  { ...RIGHT, postgres: -1, redis: 1 },
  RIGHT,
];
type FleetClock = keyof typeof RIGHT;

export interface ClocksOptions {
  /** A folder for this run alone, which is removed. */
  readonly folder: string;
  readonly entry: Entry;
  /** The number of jobs submitted at each jump. */
  readonly jobs: number;
  readonly say: (line: string) => void;
}

export interface ClocksReport {
  readonly jumps: number;
  readonly jobs: number;
  /** Jobs that took more than one attempt. */
  readonly repeated: number;
  /** The longest time in seconds from a jump to the end of all jobs that had been accepted by then. */
  readonly longest: number;
}

interface Trial<Name extends string> extends Pick<ClocksOptions, 'jobs' | 'say'> {
  readonly url: string;
  readonly clocks: Readonly<Record<Name, ShiftedClock>>;
  readonly course: readonly Days<Name>[];
  /** The clock by which kept responses expire. */
  readonly database: Name;
}

interface Outcome extends ClocksReport {
  /** Digests of all results, in the order of the requests. */
  readonly digests: readonly string[][];
}

/**
 * Lets clocks jump by a day, forward and back, while jobs are submitted, and checks the promises of the
 * service: of a single process, and of a fleet on PostgreSQL.
 * @returns why it could not be run, if there is no compiler or no PostgreSQL
 * @throws AssertionError naming the promise that was broken
 */
export async function tryClocks(options: ClocksOptions): Promise<ClocksReport | string> {
  const missing = noCompiler || noPostgres;
  if (missing !== false) return missing;
  const { folder } = options;
  await mkdir(folder, { recursive: true });
  try {
    const alone = await ofOneProcess({ ...options, folder: join(folder, 'alone') });
    const fleet = await ofFleet({ ...options, folder: join(folder, 'fleet') });
    const both = alone.digests.length;
    assert.deepEqual(fleet.digests.slice(0, both), alone.digests, 'equal requests have equal results');
    return {
      jumps: alone.jumps + fleet.jumps,
      jobs: alone.jobs + fleet.jobs,
      repeated: alone.repeated + fleet.repeated,
      longest: Math.max(alone.longest, fleet.longest),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function ofOneProcess({ folder, entry, ...options }: ClocksOptions): Promise<Outcome> {
  const [dataDir, storageDir] = [join(folder, 'data'), join(folder, 'storage')];
  await mkdir(dataDir, { recursive: true });
  const clock = new ShiftedClock(folder, 'service');
  const own = { DATA_DIR: dataDir, STORAGE_URL: `file:${storageDir}`, AUTH: 'open', LOG_LEVEL: 'warn' };
  const service = await Member.start({ role: 'all', entry, env: { ...own, ...clock.env } });
  try {
    await service.ready();
    const clocks = { service: clock };
    const trial = { ...options, url: service.url, clocks, course: ALONE, database: 'service' } as const;
    const outcome = await jumps(trial);
    await nothing('scratch', () => scratchInUse(storageDir));
    const socket = await socketPathIn(join(dataDir, 'broker'));
    await nothing('jobs in Redis', () => jobsInRedis(socket));
    assert.equal(await service.stop(), 0, 'its exit code');
    assert.deepEqual(unfinishedRowsIn(join(dataDir, DATABASE_FILE)), [], 'the database');
    await leftNothing(storageDir);
    return outcome;
  } catch (error) {
    sayLog(service, options);
    throw error;
  } finally {
    await service.stop();
    clock.close();
  }
}

async function ofFleet({ folder, entry, ...options }: ClocksOptions): Promise<Outcome> {
  await mkdir(folder, { recursive: true });
  const clocks = Object.fromEntries(
    Object.keys(RIGHT).map((name) => [name, new ShiftedClock(folder, name)]),
  ) as Record<FleetClock, ShiftedClock>;
  const envOf = (process: FleetProcess) => clocks[process as FleetClock].env;
  const fleet = await Fleet.start({ folder, entry, workers: 2, env: { LOG_LEVEL: 'warn' }, envOf });
  try {
    const trial = { ...options, url: fleet.api.url, clocks, course: FLEET, database: 'postgres' } as const;
    const outcome = await jumps(trial);
    await nothing('scratch', () => scratchInUse(fleet.storageDir));
    await nothing('jobs in Redis', () => jobsInRedis(fleet.redisPort));
    assert.deepEqual(await unfinishedRows(fleet.databaseUrl), [], 'the database');
    assert.deepEqual(await fleet.end(), [0, 0, 0], 'exit codes');
    await leftNothing(fleet.storageDir);
    return outcome;
  } catch (error) {
    for (const member of fleet.members) sayLog(member, options);
    throw error;
  } finally {
    await fleet.end().catch(() => undefined);
    for (const clock of Object.values(clocks)) clock.close();
  }
}

async function jumps<Name extends string>(trial: Trial<Name>): Promise<Outcome> {
  const { url, clocks, course, database, jobs, say } = trial;
  const client = new PatientClient(url);
  const requests = distinctRequests(await uploadAdapters(client), jobs * course.length);
  // The compute process must be running before the first jump, however long it takes to start.
  const first = await client.squeeze(requests[0]!.adapter_id, [{ rank: 1 }]);
  const ids: string[] = [];
  const sent = (i: number): Promise<Accepted> =>
    submit(url, `clocks-${i}`, requests[i], Date.now() + LIMIT_MS);
  /** Requests whose responses are less than a day old by the clock of the database. */
  const kept: number[] = [];
  const sentAgain = async (): Promise<void> => {
    for (const i of kept.splice(0)) assert.equal((await sent(i)).jobId, ids[i], `the job of clocks-${i}`);
  };
  let [longest, databaseDays] = [0, 0];
  for (const [step, days] of course.entries()) {
    const isPutOn = days[database] > databaseDays;
    if (isPutOn) await sentAgain();
    const numbers = Array.from({ length: jobs }, (_, i) => step * jobs + i);
    const submitting = Promise.all(
      numbers.map(async (i) => {
        ids[i] = (await sent(i)).jobId;
        kept.push(i);
      }),
    );
    submitting.catch(() => undefined);
    if (isPutOn) {
      await submitting;
      // By then the responses are a day old, and the same request counts as a new one.
      kept.splice(0);
    } else await sleep(PAUSE_MS);
    databaseDays = days[database];
    for (const name of Object.keys(clocks) as Name[]) clocks[name].set(days[name] * DAY_MS);
    const jumpedMs = performance.now();
    await submitting;
    for (const i of numbers) await ended(client, ids[i]!);
    const seconds = (performance.now() - jumpedMs) / 1000;
    say(`${JSON.stringify(days)}: all had ended ${seconds.toFixed(1)} s later`);
    longest = Math.max(longest, seconds);
  }

  await sentAgain();
  assert.deepEqual(await listedJobs(client), [first.id, ...ids].sort(), 'the jobs there are');
  const done: JobRecord[] = [];
  for (const id of ids) done.push(await ended(client, id));
  const digests: string[][] = [];
  for (const job of done) {
    assert.equal(job.state, 'succeeded', `${job.id}: ${JSON.stringify(job.error)}`);
    assert.ok(
      job.timings!.total >= 0 && job.timings!.total < 3600,
      `${job.id}: ${JSON.stringify(job.timings)}`,
    );
    await client.report(job.id);
    digests.push(await resultDigests(client, job));
  }
  const repeated = done.filter(({ attempts }) => attempts > 1).length;
  return { jumps: course.length, jobs: ids.length, repeated, longest, digests };
}

const ended = (client: PatientClient, id: string): Promise<JobRecord> =>
  until(
    `the end of ${id}`,
    async () => {
      const job = await client.json<JobRecord>(`/v1/jobs/${id}`);
      return job.finished_at === null ? undefined : job;
    },
    LIMIT_MS,
  );

const nothing = (what: string, names: () => Promise<string[]>): Promise<unknown> =>
  until(what, async () => (await names()).length === 0 || undefined).catch(async () =>
    assert.deepEqual(await names(), [], what),
  );

async function leftNothing(storageDir: string): Promise<void> {
  assert.deepEqual(halfWritten(storageDir), [], 'files on their way');
  assert.deepEqual(await scratchAfterNextStart(storageDir), [], 'scratch of dead processes');
}

const sayLog = (member: Member, { say }: Pick<ClocksOptions, 'say'>): void =>
  say(`the log of a member (${member.options.role}) ends with\n${member.log().slice(-4_000)}`);
