import { type Job, Worker, type WorkerOptions } from 'bullmq';
import type { Progress } from '../contract/job.ts';
import { dispatched } from '../dispatch/dispatcher.ts';
import { AppError } from '../errors/app-error.ts';
import type { AttemptFailure } from '../resources/jobs/executions/executions.ts';
import type { Dispatched } from '../resources/jobs/executions/finish-execution.ts';
import { failedWorkCode } from '../resources/jobs/executions/made.ts';
import type { ExecutionTask } from '../resources/jobs/executions/task.ts';
import { NO_TRACING, type Span, type Tracing } from '../tracing/tracing.ts';
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
import type { Done } from './run-job.ts';

type QueuedJob = Job<JobData>;

const NO_PROGRESS: Progress = { phase: 'waiting', done: 0, total: 0, module: null };

/** What took its worker down twice is given up; more would take down every worker in turn. */
const MAX_STALLED_COUNT = 1;
/** We count for ourselves: what BullMQ gives up would not be recorded. */
const NEVER = 1_000_000;

/** An attempt that failed. */
export interface SandboxFailure extends AttemptFailure {
  readonly error: AppError;
  /** The worker shuts down, and asked for it. */
  readonly isGivenBack: boolean;
}

export interface Hooks {
  /** What there is to do; undefined: nothing. */
  readonly onTake: (job: QueuedJob, dispatch: Dispatched) => Promise<ExecutionTask | undefined>;
  /** Records what was made of it. @param begunMs when the attempt began, by `machineMs` */
  readonly onDone: (job: QueuedJob, task: ExecutionTask, done: Done, begunMs: number) => Promise<void>;
  /** Records that an attempt failed. @param task undefined: it did not begin. Does not fail */
  readonly onFailed: (
    job: QueuedJob,
    dispatch: Dispatched,
    task: ExecutionTask | undefined,
    failure: SandboxFailure,
  ) => Promise<void>;
  /** Called around each attempt. */
  readonly onBegin: (job: QueuedJob, dispatch: Dispatched) => void;
  readonly onEnd: (job: QueuedJob) => void;
}

/**
 * A BullMQ worker that runs executions in compute processes. For BullMQ no attempt fails, and one is over when its compute
 * process is: while its outcome is being recorded, the process already works on the next one. An outcome that is lost with
 * this worker is noticed by the dispatcher, which dispatches the execution again.
 */
export class SandboxedWorker extends Worker<JobData, null> {
  /** What its compute processes use. */
  readonly compute: ComputeUsage;
  private readonly pool: FixedPool;
  private readonly processor: URL;
  private readonly hooks: Hooks;
  private readonly tracing: Tracing;
  private readonly slots: number;
  /** Attempts that have not ended: their outcomes are not recorded yet. */
  private readonly attempts = new Set<Attempt>();
  private readonly recordings = new Set<Promise<void>>();
  private isGivingBack = false;

  constructor(
    processor: URL,
    options: Omit<WorkerOptions, 'maxStalledCount' | 'autorun'>,
    hooks: Hooks,
    tracing: Tracing = NO_TRACING,
  ) {
    // Only once the hooks are installed.
    super(QUEUE_NAME, processor, { ...options, maxStalledCount: NEVER, autorun: false });
    this.processor = processor;
    this.hooks = hooks;
    this.tracing = tracing;
    this.slots = options.concurrency ?? 1;
    this.pool = fixChildPool(this);
    this.compute = new ComputeUsage(this.pool.processIds);
    fixLocks(this);
  }

  get isIdle(): boolean {
    return this.attempts.size === 0;
  }

  /** Starts all compute processes, before there are jobs for them. @throws Error where one cannot be started */
  startProcesses(): Promise<void> {
    return this.pool.startAhead(this.slots, this.processor.href);
  }

  /** Asks what runs to stop and to be done by others; no attempt is lost. */
  giveBack(): void {
    this.isGivingBack = true;
    this.cancelAllJobs('the worker shuts down');
  }

  /** After `pause(true)`. BullMQ's own `resume` may come in the moment in which its loop ends, and then starts none. */
  async takeJobsAgain(): Promise<void> {
    await this.resume();
    await new Promise(setImmediate);
    if (!this.isRunning() && !this.isPaused() && !this.closing) await this.run();
  }

  /** Takes nothing more, and waits until what runs has ended and is recorded. */
  override async close(force?: boolean): Promise<void> {
    await super.close(force);
    if (!force) await Promise.all(this.recordings);
  }

  protected override async callProcessJob(
    job: QueuedJob,
    token: string,
    signal?: AbortSignal,
  ): Promise<null> {
    keepProgressHarmless(job);
    // The result of the previous attempt is not progress of this one.
    if (job.attemptsStarted > 1) void job.updateProgress(NO_PROGRESS);
    const attempt = new Attempt(job, this.hooks, this.tracing, () => this.isGivingBack);
    this.attempts.add(attempt);
    const { data } = job;
    let done: Done | undefined;
    try {
      const task = await attempt.take();
      if (task) {
        // For the compute process; the queue keeps what it has.
        const told: TaskData = { ...data, ...attempt.context, task, begunMs: attempt.begunMs };
        job.data = told;
        done = (await super.callProcessJob(job, token, signal)) as unknown as Done;
      }
    } catch (thrown) {
      await attempt.fail(thrown);
    } finally {
      job.data = data;
      if (!done) this.end(attempt);
    }
    if (done) {
      const recording = attempt.record(done).finally(() => {
        this.recordings.delete(recording);
        this.end(attempt);
      });
      this.recordings.add(recording);
      // While the database is slow, attempts wait rather than pile up.
      while (this.recordings.size > this.slots) await Promise.race(this.recordings);
    }
    return null;
  }

  private end(attempt: Attempt): void {
    attempt.end();
    this.attempts.delete(attempt);
  }
}

/** One attempt, from the moment in which BullMQ hands it over until its outcome is recorded. */
class Attempt {
  readonly begunMs = machineMs();
  private readonly job: QueuedJob;
  private readonly dispatch: Dispatched;
  private readonly hooks: Hooks;
  private readonly span: Span;
  private readonly isGivingBack: () => boolean;
  private task: ExecutionTask | undefined;

  constructor(job: QueuedJob, hooks: Hooks, tracing: Tracing, isGivingBack: () => boolean) {
    this.job = job;
    this.isGivingBack = isGivingBack;
    this.hooks = hooks;
    this.dispatch = dispatched(job.id!);
    hooks.onBegin(job, this.dispatch);
    // Here and not in the compute process, which may die and would take its span along.
    this.span = tracing.start(`process ${QUEUE_NAME}`, 'consumer', {
      parent: contextOf(job.data),
      attributes: {
        ...QUEUE_ATTRIBUTES,
        'messaging.operation.type': 'process',
        'messaging.message.id': job.id,
        'lora_squeeze.request.id': job.data.requestId,
      },
    });
  }

  get context(): Span['context'] {
    return this.span.context;
  }

  /** @returns what there is to do; undefined: nothing */
  async take(): Promise<ExecutionTask | undefined> {
    if (this.job.stalledCounter > MAX_STALLED_COUNT) throw stalledTooOften();
    this.task = await this.hooks.onTake(this.job, this.dispatch);
    if (this.task)
      this.span.set({
        'lora_squeeze.job.id': this.task.jobs[0],
        'lora_squeeze.job.attempt': this.task.attempt,
      });
    return this.task;
  }

  /** Records what was made. Does not fail. */
  async record(done: Done): Promise<void> {
    try {
      await this.hooks.onDone(this.job, this.task!, done, this.begunMs);
      const failure = failedWorkCode(done.made);
      if (failure !== undefined) this.span.fail(failure);
    } catch (thrown) {
      await this.fail(thrown);
    }
  }

  /** Records that it failed. Does not fail. */
  async fail(thrown: unknown): Promise<void> {
    const { job, dispatch, task } = this;
    const error = decodeError(thrown);
    this.span.fail(error.code);
    const mayPass = thrown instanceof AppError ? thrown.retryable : !givesUp(thrown);
    const isGivenBack = this.isGivingBack() && (error.code === 'CANCELLED' || mayPass);
    const tryMs = machineMs() - this.begunMs;
    const progress = knownProgress(job.progress);
    await this.hooks.onFailed(job, dispatch, task, { error, mayPass, tryMs, progress, isGivenBack });
  }

  end(): void {
    this.span.end();
    this.hooks.onEnd(this.job);
  }
}

/** Progress is news, not truth: a job must not fail because Redis lost it. */
function keepProgressHarmless(job: QueuedJob): void {
  const update = job.updateProgress.bind(job);
  job.updateProgress = (progress) => update(progress).catch(() => undefined);
}
