import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { computeEnvironment } from '../../src/app/compute-settings.ts';
import { loadConfig } from '../../src/app/config.ts';
import type { BatchRecord } from '../../src/contract/batch.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { JobRequest, JobSettings } from '../../src/contract/job-request.ts';
import { DEFAULT_TENANT } from '../../src/contract/tenant-id.ts';
import type { Database } from '../../src/database/database.ts';
import { Dispatcher, dispatchId } from '../../src/dispatch/dispatcher.ts';
import { createLogger } from '../../src/log.ts';
import { Broker } from '../../src/queue/broker.ts';
import { BullJobQueue } from '../../src/queue/bull-job-queue.ts';
import { QUEUE_NAME } from '../../src/queue/job-types.ts';
import { JobWorker, type WorkerOptions } from '../../src/queue/job-worker.ts';
import type { RedisAddress } from '../../src/queue/redis-connection.ts';
import type { BatchService } from '../../src/resources/batches/service.ts';
import { readContent } from '../../src/resources/contents/content-files.ts';
import type { JobControl } from '../../src/resources/jobs/control.ts';
import type { JobObserver } from '../../src/resources/jobs/executions/job-changes.ts';
import type { JobService } from '../../src/resources/jobs/service.ts';
import { isFinal, type JobStore } from '../../src/resources/jobs/store.ts';
import { Workspaces } from '../../src/resources/workspaces.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { currentOrigin, originText } from '../../src/tracing/origin.ts';
import { sqliteIn } from '../database/dialects.ts';
import { programEntry, programFile } from '../entry.ts';
import { insertSampleAdapter, SAMPLE_ADAPTER } from '../resources/adapters/sample-adapter.ts';
import { jobsOf } from '../resources/batches/insert-batch.ts';

export const SILENT = createLogger('silent');
export const PREFIX = 'test';
export const REQUEST: JobRequest = { kind: 'squeeze', adapter_id: SAMPLE_ADAPTER, targets: [{ rank: 2 }] };
export const SCRIPTED_PROCESSOR = pathToFileURL(
  programFile(join(import.meta.dirname, 'scripted-processor.program.ts')),
);
const WORKER_PROGRAM = join(import.meta.dirname, 'worker.program.ts');
const SEARCH_PATH = process.env.PATH ?? '';

/** A temporary folder that is removed after the work. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'ls-queue-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const startBroker = (dataDir: string): Promise<Broker> =>
  Broker.start({ dataDir, searchPath: SEARCH_PATH, logger: SILENT });

/** Pauses between polls: short at first, then a tenth of what has been waited, because each poll costs time too. */
const FIRST_PAUSE_MS = 20;
const LAST_PAUSE_MS = 150;

/** Polls until there is a value. The limit only prevents hanging. */
export async function until<T>(
  what: string,
  question: () => Promise<T | undefined> | T | undefined,
  limitMs = 180_000,
): Promise<T> {
  const beganMs = performance.now();
  for (;;) {
    const answer = await question();
    if (answer !== undefined && answer !== false) return answer;
    const waitedMs = performance.now() - beganMs;
    if (waitedMs > limitMs) throw new Error(`never happened: ${what}`);
    await sleep(Math.min(LAST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, waitedMs / 10)));
  }
}

/** Blocks this process, as on a machine with too much to do. */
export function blockEventLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export const isGone = (pid: number): Promise<true> =>
  until(`end of process ${pid}`, () => (isRunning(pid) ? undefined : (true as const)));

/** What the scripted compute process does in one attempt; see scripted-processor.program.ts. */
export type Step =
  | 'succeed'
  | 'hang'
  | 'permanent'
  | 'transient'
  | 'storage'
  | 'lost'
  | 'throw'
  | 'exit'
  | 'uncaught'
  | 'progress'
  | 'wait'
  | 'wait-transient';

/** Checks for due and for lost work more often than a service, because tests wait for it. */
const QUICK = { roundMs: 50, lostMs: 500 };

/**
 * All parts of the queue with one folder, with real Redis and real processes; only the squeeze is a script.
 */
export class Bench {
  readonly folder: string;
  readonly address: RedisAddress;
  readonly blobs: DiskStore;
  readonly database: Database;
  readonly jobs: JobStore;
  readonly queue: BullJobQueue;
  readonly dispatcher: Dispatcher;
  readonly service: JobService;
  readonly control: JobControl;
  readonly batches: BatchService;
  readonly finished: { record: JobRecord; totals: unknown }[] = [];
  /** Ids of dispatches that the queue had lost. */
  readonly lost: string[] = [];
  private readonly observer: JobObserver = {
    onJobEnded: ({ job: record }, totals) => this.finished.push({ record, totals }),
  };
  private readonly closers: (() => Promise<unknown>)[] = [];

  private constructor(folder: string, address: RedisAddress, blobs: DiskStore, database: Database) {
    this.folder = folder;
    this.address = address;
    this.blobs = blobs;
    this.database = database;
    this.queue = new BullJobQueue({ address, prefix: PREFIX, logger: SILENT });
    const { queue, observer } = this;
    this.dispatcher = new Dispatcher({ database, queue, onLost: (ids) => this.lost.push(...ids) });
    const { dispatcher } = this;
    const origin = () => originText(currentOrigin());
    const workspaces = new Workspaces({ store: blobs, database, queue, dispatcher, observer, origin });
    const { jobStore, jobs, jobControl, batches } = workspaces.of(DEFAULT_TENANT);
    this.jobs = jobStore;
    this.service = jobs;
    this.control = jobControl;
    this.batches = batches;
    dispatcher.start(QUICK);
  }

  /** @param given undefined: SQLite, which the bench closes */
  static async open(folder: string, address: RedisAddress, given?: Database): Promise<Bench> {
    await mkdir(join(folder, 'script'), { recursive: true });
    const blobs = await DiskStore.open(join(folder, 'storage'));
    const database = given ?? (await sqliteIn(folder));
    await insertSampleAdapter(database);
    return new Bench(folder, address, blobs, database);
  }

  worker(options: Partial<WorkerOptions> = {}): JobWorker {
    const worker = new JobWorker({
      address: this.address,
      prefix: PREFIX,
      concurrency: 1,
      store: this.blobs,
      database: this.database,
      dispatcher: this.dispatcher,
      observer: this.observer,
      provider: { name: 'cpu' },
      computeEnv: this.computeEnv(),
      logger: SILENT,
      processor: SCRIPTED_PROCESSOR,
      ...options,
    });
    this.closers.push(() => worker.close(0));
    worker.start();
    return worker;
  }

  computeEnv(): NodeJS.ProcessEnv {
    const env = {
      ...process.env,
      DATA_DIR: this.folder,
      SCRIPT_DIR: join(this.folder, 'script'),
      LOG_LEVEL: 'silent',
    };
    return computeEnvironment(loadConfig(env), env);
  }

  /** Starts a worker in a process of its own. */
  async workerProcess(lockMs?: number): Promise<ChildProcess> {
    const child = spawn(process.execPath, [...programEntry(WORKER_PROGRAM)], {
      env: {
        ...this.computeEnv(),
        ADDRESS: JSON.stringify(this.address),
        ...(lockMs !== undefined && { LOCK_MS: String(lockMs) }),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.closers.push(async () => child.kill('SIGKILL'));
    await once(createInterface(child.stdout!), 'line');
    return child;
  }

  /** Submits a job whose attempts follow the steps, one after another, and then succeed. */
  submit(...steps: Step[]): Promise<string> {
    return this.submitWith({}, ...steps);
  }

  /** The same for a job with the given settings. */
  async submitWith(settings: JobSettings, ...steps: Step[]): Promise<string> {
    const { id } = await this.service.submit({ ...REQUEST, reuse: false, ...settings });
    await this.script(id, steps);
    return id;
  }

  /**
   * Submits a batch whose jobs follow the steps of their index, and then succeed. @returns it with the ids of
   * its jobs
   */
  async submitBatch(count: number, steps: (index: number) => Step[] = () => []) {
    const jobs = Array.from({ length: count }, () => REQUEST);
    const batch = await this.batches.submit({ jobs, reuse: false });
    const ids = await jobsOf(this.batches, batch);
    for (const [index, id] of ids.entries()) await this.script(id, steps(index));
    return { ...batch, ids };
  }

  /** Defines what the attempts of a job do; they wait for that, because its id is not known earlier. */
  private async script(jobId: string, steps: readonly Step[]): Promise<void> {
    const path = join(this.folder, 'script', `${jobId}.json`);
    await writeFile(`${path}.new`, JSON.stringify(steps));
    await rename(`${path}.new`, path);
  }

  /** The current state of the execution of a job. */
  async execution(jobId: string) {
    const row = await this.database.reader
      .selectFrom('execution')
      .innerJoin('job', 'job.execution', 'execution.id')
      .selectAll('execution')
      .where('job.id', '=', jobId)
      .executeTakeFirstOrThrow();
    return { ...row, dispatch: dispatchId(row.id, row.dispatch_no) };
  }

  /** Waits until a job is dispatched to a worker. @returns its id in the queue */
  dispatched(jobId: string): Promise<string> {
    return until(`${jobId} in the queue`, async () => {
      const { state, dispatch } = await this.execution(jobId);
      const isThere = state === 'dispatched' && (await this.queue.missing([dispatch])).length === 0;
      return isThere ? dispatch : undefined;
    });
  }

  /** Waits until the queue is empty. */
  async idle(): Promise<void> {
    await until('an empty queue', async () => {
      const counts = await this.inBull((queue) => queue.getJobCounts());
      return Object.values(counts).every((count) => count === 0);
    });
  }

  /** Redis loses everything, and continues to run. */
  async flush(): Promise<void> {
    await this.ask((redis) => redis.flushall());
  }

  /** How many commands Redis has received so far. */
  async commands(): Promise<number> {
    const stats = await this.ask((redis) => redis.info('commandstats'));
    return [...stats.matchAll(/calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
  }

  /** The counts of the queue according to BullMQ itself. */
  inBull<T>(question: (queue: Queue) => Promise<T>): Promise<T> {
    return this.ask(async (redis) => {
      const queue = new Queue(QUEUE_NAME, { connection: redis, prefix: PREFIX });
      return question(queue).finally(() => queue.close());
    });
  }

  private async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis({ path: (this.address as { socketPath: string }).socketPath });
    return question(redis).finally(() => redis.disconnect());
  }

  /** A batch after its end. */
  batchOutcome(batchId: string): Promise<BatchRecord> {
    return until(`the end of ${batchId}`, async () => {
      const batch = await this.batches.get(batchId);
      return batch.finished_at === null ? undefined : batch;
    });
  }

  /** Lets an attempt that waits continue. */
  async release(jobId: string): Promise<void> {
    await writeFile(join(this.folder, 'script', `${jobId}.go`), '');
  }

  /** The process ids of the attempts started so far. */
  async attempts(jobId: string): Promise<number[]> {
    const text = await readFile(join(this.folder, 'script', `${jobId}.log`), 'utf8').catch(() => '');
    return text.split('\n').filter(Boolean).map(Number);
  }

  /** Waits until an attempt that hung was stopped. */
  async stopped(jobId: string): Promise<void> {
    const path = join(this.folder, 'script', `${jobId}.stopped`);
    await until(`the stop of ${jobId}`, () => existsSync(path));
  }

  attemptStarted(jobId: string, number: number): Promise<number> {
    return until(`attempt ${number} of ${jobId}`, async () => (await this.attempts(jobId))[number - 1]);
  }

  outcome(jobId: string): Promise<JobRecord> {
    return until(`the end of ${jobId}`, () => this.ended(jobId));
  }

  /** A job that has ended; undefined if it has not. */
  async ended(jobId: string): Promise<JobRecord | undefined> {
    const record = await this.jobs.get(jobId);
    return record && isFinal(record) ? record : undefined;
  }

  /** The stored report of a job in any state. */
  async report(jobId: string): Promise<Uint8Array | undefined> {
    const file = await this.jobs.file(jobId, 'report');
    return file && readContent(this.blobs, file);
  }

  async close(): Promise<void> {
    await this.batches.settled();
    for (const close of this.closers) await close();
    await this.dispatcher.close();
    await this.queue.close();
    await this.blobs.close();
    await this.database.close();
  }
}

export interface OpenBench {
  readonly bench: Bench;
  readonly broker: Broker;
  close(): Promise<void>;
}

/** A bench with a private Redis and a folder of its own. */
export async function openBench(database?: Database): Promise<OpenBench> {
  const folder = await mkdtemp(join(tmpdir(), 'ls-queue-'));
  const closers = [() => rm(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const broker = await startBroker(folder);
    closers.push(() => broker.close());
    const bench = await Bench.open(folder, { socketPath: broker.socketPath }, database);
    closers.push(() => bench.close());
    return { bench, broker, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A bench with a private Redis, for one function. */
export async function withBench<T>(
  work: (bench: Bench, broker: Broker) => Promise<T>,
  database?: Database,
): Promise<T> {
  const { bench, broker, close } = await openBench(database);
  try {
    return await work(bench, broker);
  } finally {
    await close();
  }
}

/**
 * One bench for all tests of a file, each of which must end what it began. Its Redis and its compute
 * processes are started once, which takes longer than most tests.
 */
export function sharedBench(): () => Bench {
  let open: OpenBench;
  before(async () => {
    open = await openBench();
  });
  after(() => open?.close());
  return () => open.bench;
}
