import { type Job, Worker, type WorkerOptions } from 'bullmq';
import type { Progress } from '../contract/job.ts';
import { parseDispatchId } from '../dispatch/dispatcher.ts';
import { AppError } from '../errors/app-error.ts';
import { failedWorkCode } from '../resources/jobs/executions/execution-outcome.ts';
import type { AttemptFailure } from '../resources/jobs/executions/executions.ts';
import type { DispatchRef } from '../resources/jobs/executions/finish-execution.ts';
import type { ExecutionTask } from '../resources/jobs/executions/task.ts';
import { NO_TRACING, type Tracing } from '../tracing/tracing.ts';
import type { RunJobResult } from './compute/run-job.ts';
import { ComputeUsage } from './compute-usage.ts';
import { decodeError, givesUp, stalledTooOften } from './error-codec.ts';
import { type FixedPool, fixChildPool } from './fix-child-pool.ts';
import { fixLocks } from './fix-locks.ts';
import {
  contextOf,
  type JobData,
  machineMs,
  QUEUE_ATTRIBUTES,
  QUEUE_NAME,
  type TaskData,
} from './job-types.ts';
import { knownProgress } from './progress.ts';

type QueuedJob = Job<JobData>;

const NO_PROGRESS: Progress = { phase: 'waiting', done: 0, total: 0, module: null };

/** A job whose worker died twice is given up; further attempts would take down every worker in turn. */
const MAX_STALLED_COUNT = 1;
/** Stalled jobs are counted here, because what BullMQ gives up would not be recorded. */
const NEVER = 1_000_000;

/** A failed attempt. */
export interface SandboxFailure extends AttemptFailure {
  readonly error: AppError;
  /** Whether the worker is shutting down and requested the failure. */
  readonly isGivenBack: boolean;
}

export interface Hooks {
  /** Returns the task of an execution; undefined if there is nothing to do. */
  readonly onTake: (job: QueuedJob, dispatch: DispatchRef) => Promise<ExecutionTask | undefined>;
  /** Records the outcome. @param begunMs the start of the attempt, by `machineMs` */
  readonly onDone: (
    job: QueuedJob,
    task: ExecutionTask,
    done: RunJobResult,
    begunMs: number,
  ) => Promise<void>;
  /** Records that an attempt failed. Does not throw. @param task undefined if the attempt did not begin */
  readonly onFailed: (
    job: QueuedJob,
    dispatch: DispatchRef,
    task: ExecutionTask | undefined,
    failure: SandboxFailure,
  ) => Promise<void>;
  /** Called before and after each attempt. */
  readonly onBegin: (job: QueuedJob, dispatch: DispatchRef) => void;
  readonly onEnd: (job: QueuedJob) => void;
}

/**
 * A BullMQ worker that runs executions in compute processes. Their outcomes are recorded before BullMQ learns that an
 * attempt is over; for BullMQ, no job ever fails.
 */
export class SandboxedWorker extends Worker<JobData, null> {
  /** The resource usage of the compute processes. */
  readonly compute: ComputeUsage;
  private readonly pool: FixedPool;
  private readonly processor: URL;
  private readonly hooks: Hooks;
  private readonly tracing: Tracing;
  private isGivingBack = false;
  private runningJobs = 0;

  constructor(
    processor: URL,
    options: Omit<WorkerOptions, 'maxStalledCount' | 'autorun'>,
    hooks: Hooks,
    tracing: Tracing = NO_TRACING,
  ) {
    // Set only after the hooks have been installed.
    super(QUEUE_NAME, processor, { ...options, maxStalledCount: NEVER, autorun: false });
    this.processor = processor;
    this.hooks = hooks;
    this.tracing = tracing;
    this.pool = fixChildPool(this);
    this.compute = new ComputeUsage(this.pool.processIds);
    fixLocks(this);
  }

  get isIdle(): boolean {
    return this.runningJobs === 0;
  }

  /** Starts all compute processes, before there are jobs for them. @throws Error if one cannot be started */
  startProcesses(): Promise<void> {
    return this.pool.startAhead(this.opts.concurrency ?? 1, this.processor.href);
  }

  /** Asks the running executions to stop, so that others run them; no attempt is lost. */
  giveBack(): void {
    this.isGivingBack = true;
    this.cancelAllJobs('the worker shuts down');
  }

  /**
   * Continues after `pause(true)`. BullMQ's own `resume` may be called at the moment when its loop ends, and then
   * does not start a new one.
   */
  async takeJobsAgain(): Promise<void> {
    await this.resume();
    await new Promise(setImmediate);
    if (!this.isRunning() && !this.isPaused() && !this.closing) await this.run();
  }

  protected override async callProcessJob(
    job: QueuedJob,
    token: string,
    signal?: AbortSignal,
  ): Promise<null> {
    keepProgressHarmless(job);
    // The result of the previous attempt is not progress of this one.
    if (job.attemptsStarted > 1) void job.updateProgress(NO_PROGRESS);
    this.runningJobs++;
    const begunMs = machineMs();
    const { data } = job;
    const dispatch = parseDispatchId(job.id!);
    this.hooks.onBegin(job, dispatch);
    // Created here and not in the compute process, whose death would lose the span.
    const span = this.tracing.start(`process ${QUEUE_NAME}`, 'consumer', {
      parent: contextOf(data),
      attributes: {
        ...QUEUE_ATTRIBUTES,
        'messaging.operation.type': 'process',
        'messaging.message.id': job.id,
        'lora_squeeze.request.id': data.requestId,
      },
    });
    let task: ExecutionTask | undefined;
    try {
      if (job.stalledCounter > MAX_STALLED_COUNT) throw stalledTooOften();
      task = await this.hooks.onTake(job, dispatch);
      if (!task) return null;
      span.set({ 'lora_squeeze.job.id': task.jobs[0], 'lora_squeeze.job.attempt': task.attempt });
      // For the compute process only; the data in the queue stay as they are.
      const taskData: TaskData = { ...data, ...span.context, task, begunMs };
      job.data = taskData;
      const done = (await super.callProcessJob(job, token, signal)) as unknown as RunJobResult;
      await this.hooks.onDone(job, task, done, begunMs);
      const failure = failedWorkCode(done.outcome);
      if (failure !== undefined) span.fail(failure);
    } catch (thrown) {
      const error = decodeError(thrown);
      span.fail(error.code);
      const mayPass = thrown instanceof AppError ? thrown.retryable : !givesUp(thrown);
      const isGivenBack = this.isGivingBack && (error.code === 'CANCELLED' || mayPass);
      const tryMs = machineMs() - begunMs;
      const progress = knownProgress(job.progress);
      await this.hooks.onFailed(job, dispatch, task, { error, mayPass, tryMs, progress, isGivenBack });
    } finally {
      job.data = data;
      span.end();
      this.hooks.onEnd(job);
      this.runningJobs--;
    }
    return null;
  }
}

/** Progress is for information only: a job must not fail because Redis could not store it. */
function keepProgressHarmless(job: QueuedJob): void {
  const update = job.updateProgress.bind(job);
  job.updateProgress = (progress) => update(progress).catch(() => undefined);
}
