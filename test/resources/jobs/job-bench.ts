import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IncomingFile } from '../../../src/adapter/digested-file.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../../src/adapter/file-names.ts';
import type { BatchRecord } from '../../../src/contract/batch.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { JobRequest } from '../../../src/contract/job-request.ts';
import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import type { Database } from '../../../src/database/database.ts';
import { Dispatcher } from '../../../src/dispatch/dispatcher.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/error-kinds.ts';
import type { JobObserver } from '../../../src/resources/jobs/executions/job-changes.ts';
import { type Workspace, Workspaces } from '../../../src/resources/workspaces.ts';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { sqliteIn } from '../../database/dialects.ts';
import { MemoryQueue } from '../../http/memory-queue.ts';
import { tinyAdapter } from '../../http/tiny-adapter.ts';
import { type FakeOutcome, FakeWorker } from './fake-worker.ts';

/** The service with real storage and a queue in memory; the test plays the workers. */
export interface JobBench extends Workspace {
  readonly folder: string;
  readonly whole: DiskStore;
  readonly database: Database;
  readonly queue: MemoryQueue;
  readonly worker: FakeWorker;
  readonly dispatcher: Dispatcher;
  readonly reused: JobRecord[];
  readonly cancelled: JobRecord[];
  readonly ended: JobRecord[];
  readonly finishedBatches: BatchRecord[];
  /** Registers an adapter; another `seed` gives other content. */
  upload(seed?: number): Promise<string>;
  /** Does the work of a worker: the job succeeds. */
  end(jobId: string, work?: FakeOutcome): Promise<JobRecord>;
  /** The same storage as seen by another process of the service. */
  another(queue?: MemoryQueue): Workspace;
}

export const squeezeOf = (adapter_id: string, rank = 2, more: object = {}): JobRequest => ({
  kind: 'squeeze',
  adapter_id,
  targets: [{ rank }],
  ...more,
});

/** @param given undefined: SQLite, for this function only */
export async function withJobBench(
  work: (bench: JobBench) => Promise<void>,
  given?: Database,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ls-control-'));
  const whole = await DiskStore.open(folder);
  const database = given ?? (await sqliteIn(folder));
  const queue = new MemoryQueue();
  const reused: JobRecord[] = [];
  const cancelled: JobRecord[] = [];
  const ended: JobRecord[] = [];
  const finishedBatches: BatchRecord[] = [];
  const observer: JobObserver = {
    onReused: (job) => reused.push(job),
    onCancelled: (job) => cancelled.push(job),
    onJobEnded: ({ job }) => ended.push(job),
    onBatchFinished: (batch) => finishedBatches.push(batch),
  };
  const dispatcher = new Dispatcher({ database, queue });
  const changes = { store: whole, database, dispatcher, observer };
  const worker = new FakeWorker(changes);
  const workspaces = new Workspaces({ ...changes, queue });
  const own = workspaces.of(DEFAULT_TENANT);
  try {
    await work({
      ...own,
      folder,
      whole,
      database,
      queue,
      worker,
      dispatcher,
      reused,
      cancelled,
      ended,
      finishedBatches,
      async upload(seed = 1) {
        const dir = await own.store.makeScratch();
        const { weights, config } = tinyAdapter(seed);
        const files = [await incoming(dir, WEIGHTS_FILE, weights), await incoming(dir, CONFIG_FILE, config)];
        return (await own.adapters.register(files)).id;
      },
      end: (jobId, work) => worker.succeed(jobId, work),
      another: (other = queue) =>
        new Workspaces({
          ...{ store: whole, database, queue: other },
          dispatcher: new Dispatcher({ database, queue: other }),
        }).of(DEFAULT_TENANT),
    });
    await own.batches.settled();
  } finally {
    await whole.close();
    if (!given) await database.close();
    await rm(folder, { recursive: true, force: true });
  }
}

export const failsWith =
  (code: ErrorCode, message = /./) =>
  (error: unknown) =>
    error instanceof AppError && error.code === code && message.test(error.message);

async function incoming(dir: string, name: string, content: Buffer): Promise<IncomingFile> {
  const path = join(dir, name);
  await writeFile(path, content);
  return { name, path, sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length };
}
