import { type Job, WaitingError, Worker, type WorkerOptions } from 'bullmq';
import type { Progress } from '../contract/job.ts';
import type { AppError } from '../errors.ts';
import { NO_TRACING, type Tracing } from '../tracing/tracing.ts';
import { decodeError, givesUp, stalledTooOften } from './error-codec.ts';
import { contextOf, type JobData, type JobTotals, QUEUE_ATTRIBUTES, QUEUE_NAME } from './job-types.ts';
import { mendChildPool } from './mend-child-pool.ts';

type SqueezeJob = Job<JobData, JobTotals>;

const NO_PROGRESS: Progress = { phase: 'waiting', done: 0, total: 0, module: null };

export interface Hooks {
  /** Called when no attempt is left, before the job leaves the queue: what it records is there when others look. */
  readonly onGivenUp: (job: SqueezeJob, error: AppError) => Promise<void>;
  readonly onRetry: (job: SqueezeJob, error: AppError) => void;
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
  private isGivingBack = false;
  private runningJobs = 0;

  constructor(processor: URL, options: WorkerOptions, hooks: Hooks, tracing: Tracing = NO_TRACING) {
    // Not before the hooks are there.
    super(QUEUE_NAME, processor, { ...options, autorun: false });
    this.hooks = hooks;
    this.tracing = tracing;
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

  protected override async callProcessJob(
    job: SqueezeJob,
    token: string,
    signal?: AbortSignal,
  ): Promise<JobTotals> {
    keepProgressHarmless(job);
    // What the attempt before had come to is no progress of this one.
    if (job.attemptsStarted > 1) void job.updateProgress(NO_PROGRESS);
    this.runningJobs++;
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
    // For the compute process; the queue keeps what it has, which the next attempt belongs to as well.
    job.data = { ...job.data, ...span.context };
    try {
      return await super.callProcessJob(job, token, signal);
    } catch (thrown) {
      const error = decodeError(thrown);
      span.fail(error.code);
      if (this.isGivingBack && (error.code === 'CANCELLED' || !givesUp(thrown))) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      if (givesUp(thrown) || job.attemptsMade + 1 >= (job.opts.attempts ?? 1)) {
        await this.hooks.onGivenUp(job, error);
      } else {
        this.hooks.onRetry(job, error);
      }
      throw thrown;
    } finally {
      span.end();
      this.hooks.onEnd(job);
      this.runningJobs--;
    }
  }

  /** A job that stalled too often does not run any more: BullMQ marks it and fails it when it is next fetched. */
  protected override async handleFailed(...args: Parameters<Worker<JobData, JobTotals>['handleFailed']>) {
    const [, job] = args;
    if (job.deferredFailure) await this.hooks.onGivenUp(job, stalledTooOften());
    return super.handleFailed(...args);
  }
}

/** Progress is news, not truth: a job must not fail because Redis lost it. */
function keepProgressHarmless(job: SqueezeJob): void {
  const update = job.updateProgress.bind(job);
  job.updateProgress = (progress) => update(progress).catch(() => undefined);
}
