import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { BatchRecord } from '../../src/contract/batch.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { JobRequest, JobSettings } from '../../src/contract/job-request.ts';
import type { Database } from '../../src/database/database.ts';
import { createLogger } from '../../src/log.ts';
import { Broker } from '../../src/queue/broker.ts';
import type { RedisAddress } from '../../src/queue/connection.ts';
import { BullJobQueue } from '../../src/queue/producer.ts';
import { JobWorker, type WorkerOptions } from '../../src/queue/worker.ts';
import { BatchService } from '../../src/service/batches/batch-service.ts';
import { BatchStore } from '../../src/service/batches/batch-store.ts';
import { bytesOf } from '../../src/service/content/content-files.ts';
import { JobControl } from '../../src/service/job-control/job-control.ts';
import { JobKeeper } from '../../src/service/job-keeper.ts';
import type { JobQueue, QueuedJob, QueueOptions } from '../../src/service/job-queue.ts';
import { JobService } from '../../src/service/job-service.ts';
import { isFinal, type JobStore } from '../../src/service/job-store.ts';
import { DEFAULT_TENANT } from '../../src/service/tenants/tenant-id.ts';
import { Outbox } from '../../src/service/webhooks/outbox.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { sqliteIn } from '../database/dialects.ts';
import { programEntry, programFile } from '../entry.ts';
import { jobsIn } from '../service/job-rows.ts';
import { insertKnownAdapter, KNOWN_ADAPTER } from '../service/known-adapter.ts';

export const SILENT = createLogger('silent');
export const PREFIX = 'test';
export const REQUEST: JobRequest = { kind: 'squeeze', adapter_id: KNOWN_ADAPTER, targets: [{ rank: 2 }] };
export const SCRIPTED_PROCESSOR = pathToFileURL(
  programFile(join(import.meta.dirname, 'scripted-processor.program.ts')),
);
const WORKER_PROGRAM = join(import.meta.dirname, 'worker.program.ts');
const SEARCH_PATH = process.env.PATH ?? '';

/** A temporary folder that is gone after the work. */
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

/** Polls until there is an answer. The limit only keeps a broken test from hanging. */
export async function until<T>(
  what: string,
  question: () => Promise<T | undefined> | T | undefined,
  limitMs = 180_000,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const answer = await question();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
    await sleep(20);
  }
}

/** Nothing happens in this process meanwhile, as on a machine with too much to do. */
export function holdUp(ms: number): void {
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

/** What the scripted compute process does at one attempt; see scripted-processor.program.ts. */
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

/** Everything of the queue over one folder, with real Redis and real processes; only the squeeze is a script. */
export class Bench {
  readonly folder: string;
  readonly address: RedisAddress;
  readonly blobs: DiskStore;
  readonly database: Database;
  readonly jobs: JobStore;
  readonly queue: BullJobQueue;
  readonly service: JobService;
  readonly control: JobControl;
  readonly keeper: JobKeeper;
  readonly batches: BatchService;
  readonly finished: { record: JobRecord; totals: unknown }[] = [];
  private steps: Step[] = [];
  private batchSteps: (index: number) => Step[] = () => [];
  private readonly closers: (() => Promise<unknown>)[] = [];

  private constructor(folder: string, address: RedisAddress, blobs: DiskStore, database: Database) {
    this.folder = folder;
    this.address = address;
    this.blobs = blobs;
    this.database = database;
    this.jobs = jobsIn(database);
    this.queue = new BullJobQueue({ address, prefix: PREFIX, logger: SILENT });
    // A job's script has to be there before the job is queued; its id is known no earlier than that.
    const scripted: JobQueue = Object.assign(Object.create(this.queue) as JobQueue, {
      add: async (jobId: string, options: QueueOptions) => {
        await writeFile(join(folder, 'script', `${jobId}.json`), JSON.stringify(this.steps));
        return this.queue.add(jobId, options);
      },
      addAll: async (jobs: readonly QueuedJob[]) => {
        const { batchSteps } = this;
        // Those that are queued again have their scripts.
        this.batchSteps = () => [];
        for (const [i, { id }] of jobs.entries()) {
          const steps = batchSteps(i);
          if (steps.length > 0) await writeFile(join(folder, 'script', `${id}.json`), JSON.stringify(steps));
        }
        return this.queue.addAll(jobs);
      },
    });
    const found = async () => ({}) as AdapterRecord;
    const adapters = { get: found, find: found };
    const outbox = new Outbox({ database, tenant: DEFAULT_TENANT, queue: undefined });
    const batchStore = new BatchStore(database, DEFAULT_TENANT, outbox);
    const stores = { blobs, jobStore: this.jobs, batchStore };
    const shared = { ...stores, adapters, queue: scripted, tenant: DEFAULT_TENANT };
    this.service = new JobService(shared);
    this.control = new JobControl({ ...shared, jobs: this.service });
    this.keeper = new JobKeeper(database, scripted);
    this.batches = new BatchService({ ...shared, jobs: this.service, control: this.control });
  }

  static async open(folder: string, address: RedisAddress): Promise<Bench> {
    await mkdir(join(folder, 'script'), { recursive: true });
    const blobs = await DiskStore.open(join(folder, 'storage'));
    const database = await sqliteIn(folder);
    await insertKnownAdapter(database);
    return new Bench(folder, address, blobs, database);
  }

  worker(options: Partial<WorkerOptions> = {}): JobWorker {
    const worker = new JobWorker({
      address: this.address,
      prefix: PREFIX,
      concurrency: 1,
      store: this.blobs,
      database: this.database,
      computeEnv: this.computeEnv(),
      logger: SILENT,
      processor: SCRIPTED_PROCESSOR,
      onFinished: (record, totals) => this.finished.push({ record, totals }),
      ...options,
    });
    this.closers.push(() => worker.close(0));
    worker.start();
    return worker;
  }

  computeEnv(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      DATA_DIR: this.folder,
      SCRIPT_DIR: join(this.folder, 'script'),
      LOG_LEVEL: 'silent',
    };
  }

  /** A worker in a process of its own. */
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

  /** Submits a job whose attempts do what the steps say, one after another, then succeed. */
  submit(...steps: Step[]): Promise<string> {
    return this.submitWith({}, ...steps);
  }

  /** The same for a job that is treated in some way. */
  async submitWith(settings: JobSettings, ...steps: Step[]): Promise<string> {
    this.steps = steps;
    const { id } = await this.service.submit({ ...REQUEST, reuse: false, ...settings });
    return id;
  }

  /** Submits a batch whose jobs do what the steps of their index say, then succeed. */
  submitBatch(count: number, steps: (index: number) => Step[] = () => []): Promise<BatchRecord> {
    this.batchSteps = steps;
    return this.batches.submit({ jobs: Array.from({ length: count }, () => REQUEST), reuse: false });
  }

  /** A batch when it has ended. */
  batchOutcome(batchId: string): Promise<BatchRecord> {
    return until(`the end of ${batchId}`, async () => {
      const batch = await this.batches.get(batchId);
      return batch.finished_at === null ? undefined : batch;
    });
  }

  /** Lets an attempt that waits go on. */
  async release(jobId: string): Promise<void> {
    await writeFile(join(this.folder, 'script', `${jobId}.go`), '');
  }

  /** The process ids of the attempts started so far. */
  async attempts(jobId: string): Promise<number[]> {
    const text = await readFile(join(this.folder, 'script', `${jobId}.log`), 'utf8').catch(() => '');
    return text.split('\n').filter(Boolean).map(Number);
  }

  attemptStarted(jobId: string, number: number): Promise<number> {
    return until(`attempt ${number} of ${jobId}`, async () => (await this.attempts(jobId))[number - 1]);
  }

  outcome(jobId: string): Promise<JobRecord> {
    return until(`the end of ${jobId}`, () => this.ended(jobId));
  }

  /** A job, if it has ended. */
  async ended(jobId: string): Promise<JobRecord | undefined> {
    const record = await this.jobs.get(jobId);
    return record && isFinal(record) ? record : undefined;
  }

  /** The report that is stored for a job, of whatever state. */
  async report(jobId: string): Promise<Uint8Array | undefined> {
    const file = await this.jobs.file(jobId, 'report');
    return file && bytesOf(this.blobs, file);
  }

  async close(): Promise<void> {
    await this.batches.settled();
    for (const close of this.closers) await close();
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

/** A bench with a private Redis, over a folder of its own. */
export async function openBench(): Promise<OpenBench> {
  const folder = await mkdtemp(join(tmpdir(), 'ls-queue-'));
  const closers = [() => rm(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const broker = await startBroker(folder);
    closers.push(() => broker.close());
    const bench = await Bench.open(folder, { socketPath: broker.socketPath });
    closers.push(() => bench.close());
    return { bench, broker, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A bench with a private Redis, for this work alone. */
export async function withBench<T>(work: (bench: Bench, broker: Broker) => Promise<T>): Promise<T> {
  const { bench, broker, close } = await openBench();
  try {
    return await work(bench, broker);
  } finally {
    await close();
  }
}

/**
 * One bench for all tests of a file, where each ends what it began. Its Redis and its compute processes are started
 * once: that takes longer than most tests.
 */
export function sharedBench(): () => Bench {
  let open: OpenBench;
  before(async () => {
    open = await openBench();
  });
  after(() => open?.close());
  return () => open.bench;
}
