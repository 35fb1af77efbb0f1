import { DelayedError, type Job, WaitingError, Worker, type WorkerOptions } from 'bullmq';
import type { Progress } from '../contract/job.ts';
import { type AppError, toAppError } from '../errors.ts';
import { NO_TRACING, type Tracing } from '../tracing/tracing.ts';
import { decodeError, encodeError, givesUp, stalledTooOften } from './error-codec.ts';
import { contextOf, type JobData, type JobTotals, QUEUE_ATTRIBUTES, QUEUE_NAME } from './job-types.ts';
import { mendChildPool } from './mend-child-pool.ts';
import { postponement, withPatience } from './storage-patience.ts';
import type { Made, Task, TaskData } from './task.ts';

type SqueezeJob = Job<JobData, JobTotals>;

const NO_PROGRESS: Progress = { phase: 'waiting', done: 0, total: 0, module: null };

export interface Hooks {
  /** What there is to do for a job; undefined: nothing. */
  readonly onTake: (job: SqueezeJob) => Promise<Task | undefined>;
  /** Records what was made of it. */
  readonly onMade: (job: SqueezeJob, task: Task, made: Made) => Promise<JobTotals>;
  /** Nothing comes of an attempt. */
  readonly onLost: (job: SqueezeJob, task: Task) => void;
  /** Called when no attempt is left, before the job leaves the queue: what it records is there when others look. */
  readonly onGivenUp: (job: SqueezeJob, error: AppError) => Promise<void>;
  readonly onRetry: (job: SqueezeJob, error: AppError) => void;
  /** The storage failed the job, which is tried again in a while without the loss of an attempt. */
  readonly onPostponed: (job: SqueezeJob, error: AppError, delayMs: number) => void;
  /** Called around each attempt. */
  readonly onBegin: (job: SqueezeJob) => void;
  readonly onEnd: (job: SqueezeJob) => void;
}

/**
 * A BullMQ worker that runs jobs in compute processes. It adds to BullMQ's what has to happen between the end of an
 * attempt and the moment the queue knows of it; events come only afterwards.
 */
export class SandboxedWorker extends Worker<JobData, JobTotals> {
  private readonly hooks: Hooks;
  private readonly tracing: Tracing;
  private readonly storageRetryMs: number;
  private isGivingBack = false;
  private runningJobs = 0;

  /** @param options `storageRetryMs`: how long a job that the storage fails is tried again at no cost */
  constructor(
    processor: URL,
    { storageRetryMs, ...options }: WorkerOptions & { readonly storageRetryMs: number },
    hooks: Hooks,
    tracing: Tracing = NO_TRACING,
  ) {
    // Not before the hooks are there.
    super(QUEUE_NAME, processor, { ...options, autorun: false });
    this.hooks = hooks;
    this.tracing = tracing;
    this.storageRetryMs = storageRetryMs;
    mendChildPool(this);
  }

  get isIdle(): boolean {
    return this.runningJobs === 0;
  }

  /** Asks the running jobs to stop and puts them back to the front of the queue; no attempt is lost. */
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

  protected override async callProcessJob(
    job: SqueezeJob,
    token: string,
    signal?: AbortSignal,
  ): Promise<JobTotals> {
    keepProgressHarmless(job);
    // What the attempt before had come to is no progress of this one.
    if (job.attemptsStarted > 1) void job.updateProgress(NO_PROGRESS);
    this.runningJobs++;
    const begunMs = performance.now();
    const { data } = job;
    this.hooks.onBegin(job);
    // Here and not in the compute process, which may die and would take its span along.
    const span = this.tracing.start(`process ${QUEUE_NAME}`, 'consumer', {
      parent: contextOf(job.data),
      attributes: {
        ...QUEUE_ATTRIBUTES,
        'messaging.operation.type': 'process',
        'lora_squeeze.job.id': job.id,
        'lora_squeeze.job.attempt': job.attemptsStarted,
        'lora_squeeze.request.id': job.data.requestId,
      },
    });
    let task: Task | undefined;
    try {
      task = await encoded(this.hooks.onTake(job));
      if (!task) return null;
      // For the compute process; the queue keeps what it has, which the next attempt belongs to as well.
      const told: TaskData = { ...data, ...span.context, task };
      job.data = told;
      const made = (await super.callProcessJob(job, token, signal)) as unknown as Made;
      return await encoded(this.hooks.onMade(job, task, made));
    } catch (thrown) {
      const error = decodeError(thrown);
      span.fail(error.code);
      if (task) this.hooks.onLost(job, task);
      if (this.isGivingBack && (error.code === 'CANCELLED' || !givesUp(thrown))) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      const postpone = (failure: AppError) =>
        this.postpone(job, data, failure, performance.now() - begunMs, token);
      await postpone(error);
      if (!givesUp(thrown) && job.attemptsMade + 1 < (job.opts.attempts ?? 1)) {
        this.hooks.onRetry(job, error);
        throw thrown;
      }
      try {
        await this.hooks.onGivenUp(job, withPatience(error, data.storageTrouble));
      } catch (unrecorded) {
        // Done again later, to the same end. Beyond all patience the reconciler finds that the job has no outcome.
        await postpone(toAppError(unrecorded));
        throw unrecorded;
      }
      throw thrown;
    } finally {
      job.data = data;
      span.end();
      this.hooks.onEnd(job);
      this.runningJobs--;
    }
  }

  /** @throws DelayedError when the job waits for the storage now; else it returns */
  private async postpone(
    job: SqueezeJob,
    data: JobData,
    error: AppError,
    tryMs: number,
    token: string,
  ): Promise<void> {
    const later = postponement(error, data.storageTrouble, tryMs, this.storageRetryMs);
    if (!later) return;
    await job.updateData({ ...data, storageTrouble: later.trouble });
    void job.updateProgress(NO_PROGRESS);
    await job.moveToDelayed(Math.ceil(Date.now() + later.delayMs), token);
    this.hooks.onPostponed(job, error, later.delayMs);
    throw new DelayedError();
  }

  /** A job that stalled too often does not run any more: BullMQ marks it and fails it when it is next fetched. */
  protected override async handleFailed(...args: Parameters<Worker<JobData, JobTotals>['handleFailed']>) {
    const [, job] = args;
    if (job.deferredFailure) await this.hooks.onGivenUp(job, stalledTooOften());
    return super.handleFailed(...args);
  }
}

/** Failures here as those of a compute process. */
async function encoded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw encodeError(error);
  }
}

/** Progress is news, not truth: a job must not fail because Redis lost it. */
function keepProgressHarmless(job: SqueezeJob): void {
  const update = job.updateProgress.bind(job);
  job.updateProgress = (progress) => update(progress).catch(() => undefined);
}
