import type { Job } from 'bullmq';
import type { BatchSummary } from '../contract/batch.ts';
import type { JobRecord } from '../contract/job.ts';
import type { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { PROCESSOR } from '../places.ts';
import { isFinal } from '../service/job-store.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { CancelWatch } from './cancel-watch.ts';
import { keyPrefix, type PatientConnection, patientConnection, type RedisAddress } from './connection.ts';
import { endsWithin } from './ends-within.ts';
import { jobFailure } from './error-codec.ts';
import { JobRecords, type JobRecordsOptions } from './job-records.ts';
import { countedAttempts, type JobData, type JobTotals, logIdsOf } from './job-types.ts';
import { SandboxedWorker } from './sandboxed-worker.ts';
import { StorageWatch } from './storage-watch.ts';

/**
 * A worker that dies holds its job for as long as its lock and one more check (a third of it): 20 s at most. Compute
 * runs in another process, so nothing keeps this one from renewing its locks, at half their time.
 */
const LOCK_MS = 15_000;
/** A job that took its worker down twice is given up; more would take down every worker in turn. */
const MAX_STALLED_COUNT = 1;
/** Without a job there is nothing to wait for but Redis, which may be down. */
const IDLE_CLOSE_MS = 1_000;
/** How long jobs that are told to stop may take: they look between modules. */
const GIVE_BACK_MS = 5_000;

/** How long a job that the storage fails is tried again without the loss of an attempt. */
const STORAGE_RETRY_MS = 600_000;

export interface WorkerOptions extends JobRecordsOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly concurrency: number;
  /** Environment of the compute processes. */
  readonly computeEnv: NodeJS.ProcessEnv;
  readonly logger: Logger;
  readonly tracing?: Tracing;
  /** Called once for each job that reached a final state here; `totals` where it was computed. */
  readonly onFinished: (record: JobRecord, totals: NonNullable<JobTotals> | undefined) => void;
  readonly storageRetryMs?: number;
  /** Asked before each job. @throws AppError for which it is put off, as for trouble of the storage */
  readonly mayTake?: () => Promise<void>;
  /** Told when this worker stops taking jobs because its storage fails, and when it takes them again. */
  readonly onStorageTrouble?: (isPaused: boolean) => void;
  /** Called for each attempt that the storage failed and that does not count. */
  readonly onPostponed?: (error: AppError) => void;
  /** The file that the compute processes run; ours unless a test brings its own. */
  readonly processor?: URL;
  /** Shorter in tests. */
  readonly lockMs?: number;
}

/** Takes jobs from the queue and has them done in compute processes. */
export class JobWorker {
  private readonly options: WorkerOptions;
  private readonly recordsOptions: JobRecordsOptions;
  private readonly logger: Logger;
  private readonly redis: PatientConnection;
  private readonly worker: SandboxedWorker;
  private readonly cancelWatch: CancelWatch;
  private readonly storageWatch: StorageWatch;

  constructor(options: WorkerOptions) {
    this.options = options;
    this.logger = options.logger.child({ component: 'worker' });
    const onBatchFinished = (batch: BatchSummary): void => {
      const { id: batchId, state, counts } = batch;
      this.logger.info({ batchId, state, counts }, 'batch ended');
      options.observer?.onBatchFinished?.(batch);
    };
    this.recordsOptions = { ...options, observer: { onBatchFinished } };
    const { lockMs = LOCK_MS } = options;
    this.redis = patientConnection(options.address);
    this.cancelWatch = new CancelWatch({
      ...options,
      onCancelled: (jobId) => this.worker.cancelJob(jobId, 'the job was cancelled'),
    });
    this.storageWatch = new StorageWatch({
      check: async () => {
        await Promise.all([options.store.check(), options.database.check(), options.mayTake?.()]);
      },
      concurrency: options.concurrency,
      pause: () => void this.worker.pause(true),
      resume: () =>
        void this.worker
          .takeJobsAgain()
          .catch((error: unknown) => this.logger.error({ err: error }, 'worker stopped')),
      onTrouble: (isPaused) => options.onStorageTrouble?.(isPaused),
      logger: this.logger,
    });
    this.worker = new SandboxedWorker(
      options.processor ?? PROCESSOR,
      {
        connection: this.redis.connection,
        prefix: keyPrefix(options.address, options.prefix),
        concurrency: options.concurrency,
        storageRetryMs: options.storageRetryMs ?? STORAGE_RETRY_MS,
        lockDuration: lockMs,
        // Redis takes whole milliseconds.
        stalledInterval: Math.round(lockMs / 3),
        maxStalledCount: MAX_STALLED_COUNT,
        // BullMQ would wait 15 s after a failed fetch: longer than most outages.
        runRetryDelay: 1_000,
        workerForkOptions: { env: options.computeEnv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
      },
      {
        onTake: async (job) => {
          await options.mayTake?.();
          return this.recordsOf(job).take(job.id!);
        },
        onMade: (job, task, made) => this.recordsOf(job).keep(task, made),
        onLost: (job, task) =>
          void this.recordsOf(job)
            .drop(task)
            // The sweeper finds it some days later.
            .catch(() => undefined),
        onGivenUp: (job, error) => this.recordFailure(job, error),
        onBegin: (job) => this.cancelWatch.watch(job.id!),
        onEnd: (job) => this.cancelWatch.forget(job.id!),
        onRetry: (job, error) =>
          this.logger.warn(
            { ...logIdsOf(job), attempt: job.attemptsStarted, err: error },
            'attempt failed, will retry',
          ),
        onPostponed: (job, error, delayMs) => {
          const inSeconds = Math.round(delayMs / 100) / 10;
          this.logger.warn(
            { ...logIdsOf(job), inSeconds, err: error },
            'the storage failed a job; it is tried again without the loss of an attempt',
          );
          options.onPostponed?.(error);
          this.storageWatch.failed(error);
        },
      },
      options.tracing,
    );
    this.worker.on('error', (error) => this.logger.warn({ err: error }, 'worker'));
    this.worker.on('active', (job) =>
      this.logger.info({ ...logIdsOf(job), attempt: countedAttempts(job) }, 'job started'),
    );
    this.worker.on('stalled', (jobId) =>
      this.logger.warn({ jobId }, 'the worker of this job is gone; it starts again'),
    );
    this.worker.on('completed', (job, totals) => void this.tellFinished(job, totals ?? undefined));
    this.worker.on('failed', (job) => void (job && this.tellFinished(job, undefined)));
  }

  /** Starts taking jobs, until `close`. */
  start(): void {
    this.worker.run().catch((error: unknown) => this.logger.error({ err: error }, 'worker stopped'));
  }

  /**
   * Takes no more jobs and waits for the running ones; those that need longer than `graceMs` go back to the queue.
   * Returns even when they do not stop: then they start again elsewhere once their lock is over.
   */
  async close(graceMs: number): Promise<void> {
    this.storageWatch.close();
    await this.leave(graceMs).finally(() => {
      this.cancelWatch.close();
      this.redis.close();
    });
  }

  private async leave(graceMs: number): Promise<void> {
    const closed = this.worker.close();
    if (await endsWithin(closed, this.worker.isIdle ? Math.min(graceMs, IDLE_CLOSE_MS) : graceMs)) return;
    if (this.worker.isIdle) return this.logger.warn('the worker left without a word to Redis');
    this.logger.warn({ graceMs }, 'running jobs go back to the queue');
    this.worker.giveBack();
    if (!(await endsWithin(closed, GIVE_BACK_MS))) this.logger.error('a running job did not stop');
  }

  private recordsOf({ data }: Job<JobData>): JobRecords {
    return new JobRecords(data.tenant, this.recordsOptions);
  }

  private async recordFailure(job: Job<JobData>, error: AppError): Promise<void> {
    const records = this.recordsOf(job);
    const record = await records.get(job.id!);
    // None: its client was told that it was not accepted. Final: another attempt came to an end before this one.
    if (!record || isFinal(record)) return;
    await records.finish({
      ...record,
      state: error.code === 'CANCELLED' ? 'cancelled' : 'failed',
      progress: typeof job.progress === 'object' ? (job.progress as JobRecord['progress']) : record.progress,
      started_at: job.processedOn === undefined ? null : new Date(job.processedOn).toISOString(),
      finished_at: new Date().toISOString(),
      attempts: countedAttempts(job),
      error: jobFailure(error),
    });
  }

  private async tellFinished(job: Job<JobData>, totals: NonNullable<JobTotals> | undefined): Promise<void> {
    const ids = logIdsOf(job);
    try {
      const record = await this.recordsOf(job).get(job.id!);
      if (!record || !isFinal(record)) return;
      const { state, error, timings } = record;
      this.logger.info(
        { ...ids, state, ...(error && { code: error.code, detail: error.detail }), timings },
        'job ended',
      );
      this.options.onFinished(record, totals);
    } catch (error) {
      this.logger.error({ ...ids, err: error }, 'the end of a job cannot be read');
    }
  }
}
