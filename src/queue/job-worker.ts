import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import type { BackendEvent } from '../backend-calls.ts';
import type { ProviderInfo } from '../contract/job.ts';
import { WorkerPresence } from '../dispatch/worker-presence.ts';
import { type AppError, toAppError } from '../errors/app-error.ts';
import type { Logger } from '../log.ts';
import type { ComputeUse } from '../metrics/resources.ts';
import { PROCESSOR } from '../places.ts';
import { Executions, type ExecutionsParts } from '../resources/jobs/executions/executions.ts';
import type { DispatchRef } from '../resources/jobs/executions/finish-execution.ts';
import type { ExecutionTask } from '../resources/jobs/executions/task.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { CancelWatch } from './cancel-watch.ts';
import type { RunJobResult } from './compute/run-job.ts';
import { type JobData, logIdsOf, machineMs } from './job-types.ts';
import { settlesWithin } from './redis-command-client.ts';
import {
  keyPrefix,
  type RedisAddress,
  type RetryingConnection,
  retryingConnection,
} from './redis-connection.ts';
import { SandboxedWorker, type SandboxFailure } from './sandboxed-worker.ts';
import { StorageWatch } from './storage-watch.ts';

/**
 * If a worker dies, its executions stay locked for this time and until the next check (a third of it): 20 s at most.
 * Computation runs in other processes, so nothing keeps this one from renewing its locks, which it does four times
 * within this time.
 */
const LOCK_MS = 15_000;
/** Without a running execution, closing only waits for Redis, which may be unavailable. */
const IDLE_CLOSE_MS = 1_000;
/** How long a stopped execution may take to end, because it checks between modules. */
const GIVE_BACK_MS = 5_000;

/** How long executions that fail because of the storage are retried without counting the attempts. */
const STORAGE_RETRY_MS = 600_000;

/** How long a worker tries to record the outcome of an attempt; after that, the work is done again. */
const RECORDING_MS = 60_000;
const RECORDING_PAUSE_MS = 500;

export interface WorkerOptions extends Omit<ExecutionsParts, 'storageRetryMs'> {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly concurrency: number;
  readonly provider: Pick<ProviderInfo, 'name'>;
  /** Environment of the compute processes. */
  readonly computeEnv: NodeJS.ProcessEnv;
  readonly logger: Logger;
  readonly tracing?: Tracing;
  readonly storageRetryMs?: number;
  /**
   * Called before each attempt. @throws AppError for which the attempt is postponed, as for a failure of the storage
   */
  readonly mayTake?: () => Promise<void>;
  /** Called when this worker stops taking jobs because its storage fails, and when it continues. */
  readonly onStorageFailure?: (isPaused: boolean) => void;
  /** Called when an operator has drained this worker and its executions have ended. */
  readonly onDrained?: () => void;
  /** Called for each attempt that failed because of the storage and does not count. */
  readonly onPostponed?: (error: AppError) => void;
  /** Called for each execution that is repeated: an attempt failed, it was given back, or its worker died. */
  readonly onRequeued?: (reason: 'retry' | 'storage' | 'given_back' | 'stalled') => void;
  /** Called with the storage calls of the compute processes. */
  readonly onCalls?: (calls: readonly BackendEvent[]) => void;
  /** The file that the compute processes run; another one in tests. */
  readonly processor?: URL;
  /** Shorter in tests. */
  readonly lockMs?: number;
}

/** Takes executions from the queue and runs them in compute processes. */
export class JobWorker {
  private readonly options: WorkerOptions;
  private readonly logger: Logger;
  private readonly redis: RetryingConnection;
  private readonly executions: Executions;
  private readonly presence: WorkerPresence;
  private readonly worker: SandboxedWorker;
  private readonly cancelWatch: CancelWatch;
  private readonly storageWatch: StorageWatch;

  constructor(options: WorkerOptions) {
    const { database, concurrency, lockMs = LOCK_MS, storageRetryMs = STORAGE_RETRY_MS } = options;
    this.options = options;
    this.logger = options.logger.child({ component: 'worker' });
    this.redis = retryingConnection(options.address);
    this.executions = new Executions({ ...options, storageRetryMs });
    this.cancelWatch = new CancelWatch(this.executions, (id) =>
      this.worker.cancelJob(id, 'no job waits for this execution any longer'),
    );
    this.presence = new WorkerPresence({
      ...{ database, slots: concurrency, provider: options.provider.name },
      running: () => this.cancelWatch.executionIds,
      onFailure: (error) => this.logger.warn({ err: error }, 'this worker cannot record that it is present'),
      onDrain: () => void this.drain(),
    });
    this.storageWatch = new StorageWatch({
      check: async () => {
        await Promise.all([options.store.check(), database.check(), options.mayTake?.()]);
      },
      concurrency,
      pause: () => void this.worker.pause(true),
      resume: () =>
        void this.worker
          .takeJobsAgain()
          .catch((error: unknown) => this.logger.error({ err: error }, 'worker stopped')),
      onPauseChange: (isPaused) => options.onStorageFailure?.(isPaused),
      logger: this.logger,
    });
    this.worker = new SandboxedWorker(
      options.processor ?? PROCESSOR,
      {
        connection: this.redis.connection,
        prefix: keyPrefix(options.address, options.prefix),
        concurrency,
        lockDuration: lockMs,
        // Redis requires whole milliseconds.
        stalledInterval: Math.round(lockMs / 3),
        // BullMQ would wait 15 s after a failed fetch: longer than most outages.
        runRetryDelay: 1_000,
        workerForkOptions: { env: options.computeEnv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
      },
      {
        onTake: (job, dispatch) => this.take(job, dispatch),
        onDone: (job, task, done, begunMs) => this.record(job, task, done, begunMs),
        onFailed: (job, dispatch, task, failure) => this.recordFailure(job, dispatch, task, failure),
        onBegin: (job, dispatch) => this.cancelWatch.watch(job.id!, dispatch),
        onEnd: (job) => this.cancelWatch.forget(job.id!),
      },
      options.tracing,
    );
    this.worker.on('error', (error) =>
      this.logger.warn({ err: error }, 'error on the connection of the worker'),
    );
    this.worker.on('stalled', (dispatch) => {
      options.onRequeued?.('stalled');
      this.logger.warn({ dispatch }, 'the worker of this execution disappeared; the execution starts again');
    });
  }

  /** The resource usage of the compute processes; undefined if the system does not report it. */
  computeUse(): Promise<ComputeUse | undefined> {
    return this.worker.compute.read();
  }

  /** Starts the compute processes. If that fails, jobs report the reason. */
  async warmUp(): Promise<void> {
    try {
      await this.worker.startProcesses();
    } catch (error) {
      this.logger.warn({ err: error }, 'the compute processes cannot be started ahead');
    }
  }

  /** Starts taking executions, until `close`. */
  start(): void {
    this.presence.start();
    this.worker.run().catch((error: unknown) => this.logger.error({ err: error }, 'worker stopped'));
  }

  /**
   * Takes no more jobs and waits for running ones; those that need longer than `graceMs` are left to other workers.
   * Returns even if one does not stop: it is started again elsewhere when its lock expires.
   */
  async close(graceMs: number): Promise<void> {
    this.storageWatch.close();
    const left = this.presence.leave();
    await this.leave(graceMs).finally(() => {
      this.cancelWatch.close();
      this.redis.close();
    });
    await left;
  }

  /** Takes no more jobs, and waits until the running ones have ended, however long they take. */
  private async drain(): Promise<void> {
    this.logger.info('this worker is being drained: it starts nothing more, and running executions continue');
    // Otherwise the storage watch could make this worker take jobs again.
    this.storageWatch.close();
    try {
      await this.worker.close();
    } catch (error) {
      // In any case it takes no more jobs, and what it ran has ended or starts again elsewhere.
      this.logger.warn({ err: error }, 'this worker did not leave the queue cleanly');
    }
    this.presence.drained();
    this.logger.info('this worker is drained: nothing runs any more');
    this.options.onDrained?.();
  }

  private async leave(graceMs: number): Promise<void> {
    const closed = this.worker.close();
    if (await settlesWithin(closed, this.worker.isIdle ? Math.min(graceMs, IDLE_CLOSE_MS) : graceMs)) return;
    if (this.worker.isIdle) return this.logger.warn('the worker stopped without informing Redis');
    this.logger.warn({ graceMs }, 'running executions are left to other workers');
    this.worker.giveBack();
    if (!(await settlesWithin(closed, GIVE_BACK_MS))) this.logger.error('an execution did not stop');
  }

  private async take(job: Job<JobData>, dispatch: DispatchRef): Promise<ExecutionTask | undefined> {
    await this.options.mayTake?.();
    const task = await this.executions.beginAttempt(dispatch);
    if (task)
      for (const jobId of task.jobs)
        this.logger.info(
          { jobId, ...logIdsOf(job), ...logFieldsOf(task), attempt: task.attempt },
          'job started',
        );
    return task;
  }

  private async record(
    job: Job<JobData>,
    task: ExecutionTask,
    { outcome, totals, calls }: RunJobResult,
    begunMs: number,
  ): Promise<void> {
    if (calls) this.options.onCalls?.(calls);
    const ended = await retryUntilRecorded(() => this.executions.finish(task, outcome, totals));
    this.presence.took(machineMs() - begunMs, task.workBytes);
    for (const record of ended ?? []) this.logEnd(job, record, logFieldsOf(task));
  }

  private async recordFailure(
    job: Job<JobData>,
    dispatch: DispatchRef,
    task: ExecutionTask | undefined,
    failure: SandboxFailure,
  ): Promise<void> {
    const { error, isGivenBack } = failure;
    const ids = { ...logIdsOf(job), ...(task && { jobIds: task.jobs, ...logFieldsOf(task) }) };
    try {
      // Otherwise the sweeper would find the abandoned writes of the attempt only days later.
      if (task) await this.executions.abandon(task).catch(() => undefined);
      const attempted = task ?? dispatch;
      if (isGivenBack) {
        await this.executions.giveBack(attempted);
        return this.options.onRequeued?.('given_back');
      }
      const { next, delayMs, ended, tenant } = await retryUntilRecorded(() =>
        this.executions.fail(attempted, error, failure),
      );
      const inSeconds = Math.round(delayMs / 100) / 10;
      if (next === 'retry' || next === 'postponed')
        this.options.onRequeued?.(next === 'retry' ? 'retry' : 'storage');
      if (next === 'retry') this.logger.warn({ ...ids, inSeconds, err: error }, 'attempt failed, will retry');
      const fields = task ? logFieldsOf(task) : tenant === undefined ? {} : { tenant };
      for (const record of ended) this.logEnd(job, record, fields);
      if (next !== 'postponed') return;
      this.logger.warn(
        { ...ids, inSeconds, err: error },
        'the storage failed a job; it is tried again without using up an attempt',
      );
      this.options.onPostponed?.(error);
      this.storageWatch.failed(error);
    } catch (unrecorded) {
      // Its lease is no longer renewed and the queue forgets it, so it is dispatched again.
      this.logger.error({ ...ids, err: unrecorded }, 'the outcome of an attempt cannot be recorded');
      this.storageWatch.failed(toAppError(unrecorded));
    }
  }

  private logEnd(job: Job<JobData>, { id, kind, state, error, timings }: JobEnd, fields: object): void {
    const failure = error && { code: error.code, detail: error.detail };
    this.logger.info(
      { jobId: id, ...logIdsOf(job), ...fields, kind, state, ...failure, timings },
      'job ended',
    );
  }
}

/** The fields of a log line about an execution, besides its ids. */
const logFieldsOf = ({ tenant, kind, workBytes }: ExecutionTask) => ({ tenant, kind, bytes: workBytes });

type JobEnd = NonNullable<Awaited<ReturnType<Executions['finish']>>>[number];

/** Repeats work that fails temporarily: finished computations must not be lost because a database restarts. */
async function retryUntilRecorded<T>(work: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + RECORDING_MS;
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      const { code } = toAppError(thrown);
      const isDatabase = code === 'DATABASE_UNAVAILABLE' || code === 'STORAGE_FULL';
      if (!isDatabase || performance.now() > endMs) throw thrown;
      await sleep(RECORDING_PAUSE_MS);
    }
  }
}
