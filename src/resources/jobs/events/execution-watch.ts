import type { JobQueue } from '../../../dispatch/job-queue.ts';
import type { JobStore } from '../store.ts';

/** Watches for changes of a job, whichever execution it waits for. */
export class ExecutionWatch {
  private readonly jobs: Pick<JobStore, 'place'>;
  private readonly queue: Pick<JobQueue, 'watch'>;
  private readonly jobId: string;
  private readonly onHint: () => void;
  private current: { readonly execution: string; readonly end: () => void } | undefined;

  constructor(
    jobs: Pick<JobStore, 'place'>,
    queue: Pick<JobQueue, 'watch'>,
    jobId: string,
    onHint: () => void,
  ) {
    this.jobs = jobs;
    this.queue = queue;
    this.jobId = jobId;
    this.onHint = onHint;
  }

  /** Watches the current execution of the job. @throws AppError DATABASE_UNAVAILABLE */
  async follow(): Promise<void> {
    const execution = (await this.jobs.place(this.jobId))?.execution;
    if (execution === undefined || execution === this.current?.execution) return;
    this.end();
    this.current = { execution, end: this.queue.watch(execution, this.onHint) };
  }

  end(): void {
    this.current?.end();
    this.current = undefined;
  }
}
