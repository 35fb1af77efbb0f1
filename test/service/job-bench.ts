import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchSummary } from '../../src/contract/batch.ts';
import type { JobRecord, JobResult } from '../../src/contract/job.ts';
import type { JobRequest } from '../../src/contract/job-request.ts';
import type { Database } from '../../src/database/database.ts';
import { AppError, type ErrorCode } from '../../src/errors.ts';
import { CONFIG_FILE, type IncomingFile, WEIGHTS_FILE } from '../../src/service/adapter-service.ts';
import type { JobKeeper } from '../../src/service/job-keeper.ts';
import type { MadeContent } from '../../src/service/job-store.ts';
import type { Observer } from '../../src/service/observer.ts';
import { DEFAULT_TENANT } from '../../src/service/tenants/tenant-id.ts';
import { type Workspace, Workspaces } from '../../src/service/workspaces.ts';
import { DiskStore } from '../../src/storage/disk-store.ts';
import { sqliteIn } from '../database/dialects.ts';
import { MemoryQueue } from '../http/memory-queue.ts';
import { tinyAdapter } from '../http/tiny-adapter.ts';

/** The service over real storage, with a queue in memory; the test plays the workers. */
export interface JobBench extends Workspace {
  readonly folder: string;
  readonly whole: DiskStore;
  readonly database: Database;
  readonly queue: MemoryQueue;
  readonly keeper: JobKeeper;
  readonly reused: JobRecord[];
  readonly cancelled: { readonly job: JobRecord; readonly wasQueued: boolean }[];
  readonly finishedBatches: BatchSummary[];
  /** Registers an adapter; another `seed` is other content. */
  upload(seed?: number): Promise<string>;
  /** What a worker does at the end of a job. */
  end(jobId: string, end?: Partial<JobRecord>, made?: MadeContent): Promise<void>;
  /** The same storage as another process of the service sees it. */
  another(queue?: MemoryQueue): Workspace;
}

export const squeezeOf = (adapter_id: string, rank = 2, more: object = {}): JobRequest => ({
  kind: 'squeeze',
  adapter_id,
  targets: [{ rank }],
  ...more,
});

/** @param given undefined: SQLite, for this work alone */
export async function withJobBench(
  work: (bench: JobBench) => Promise<void>,
  given?: Database,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ls-control-'));
  const whole = await DiskStore.open(folder);
  const database = given ?? (await sqliteIn(folder));
  const queue = new MemoryQueue();
  const [reused, cancelled, finishedBatches]: [JobRecord[], JobBench['cancelled'], BatchSummary[]] = [
    [],
    [],
    [],
  ];
  const observer: Observer = {
    onReused: (job) => reused.push(job),
    onCancelled: (job, wasQueued) => cancelled.push({ job, wasQueued }),
    onBatchFinished: (batch) => finishedBatches.push(batch),
  };
  const workspaces = new Workspaces(whole, database, queue, undefined, {}, observer);
  const own = workspaces.of(DEFAULT_TENANT);
  try {
    await work({
      ...own,
      folder,
      whole,
      database,
      queue,
      keeper: workspaces.jobKeeper,
      reused,
      cancelled,
      finishedBatches,
      async upload(seed = 1) {
        const dir = await own.store.makeScratch();
        const { weights, config } = tinyAdapter(seed);
        const files = [await incoming(dir, WEIGHTS_FILE, weights), await incoming(dir, CONFIG_FILE, config)];
        return (await own.adapters.register(files)).id;
      },
      async end(jobId, end = { state: 'succeeded' }, made = undefined) {
        const record = (await own.jobStore.get(jobId))!;
        await own.jobStore.finish({ ...record, finished_at: new Date().toISOString(), ...end }, made);
        queue.finished(jobId);
      },
      another: (other = queue) => new Workspaces(whole, database, other).of(DEFAULT_TENANT),
    });
    await own.batches.settled();
  } finally {
    await whole.close();
    if (!given) await database.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A result as a job has it. */
export const resultOf = (adapter_id: string): JobResult => ({
  target: { rank: 2 },
  adapter_id,
  format: 'peft',
  rank: { min: 2, max: 2 },
  bytes: 100,
  parameters: 50,
  relative_error: 0.1,
  energy_retained: 0.99,
  worst_module: null,
  warnings: [],
  serving: null,
  training: null,
});

export const failsWith =
  (code: ErrorCode, message = /./) =>
  (error: unknown) =>
    error instanceof AppError && error.code === code && message.test(error.message);

async function incoming(dir: string, name: string, content: Buffer): Promise<IncomingFile> {
  const path = join(dir, name);
  await writeFile(path, content);
  return { name, path, sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length };
}
