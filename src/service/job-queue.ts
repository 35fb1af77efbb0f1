import type { JobState, Progress } from '../contract/job.ts';

/** Which jobs are taken first; jobs of the same priority in the order they came. */
export type QueuePriority = 'high' | 'normal' | 'low';

/** What a job is queued with. Whoever takes it needs the tenant to find its record. */
export interface QueueOptions {
  readonly tenant: string;
  readonly priority?: QueuePriority;
}

/** A job to be queued with others. */
export interface QueuedJob extends QueueOptions {
  readonly id: string;
}

/** Something that works, but not as safely as it should. */
export interface Risk {
  /** Stable, such as QUEUE_EVICTS. */
  readonly code: string;
  /** What is the matter, and what is needed. */
  readonly detail: string;
}

/** What the queue knows of a job that is not final yet. */
export interface QueuedState {
  readonly state: Extract<JobState, 'queued' | 'active'>;
  readonly progress: Progress | null;
  readonly startedAt: Date | null;
  readonly attempts: number;
}

/**
 * The queue as the service sees it. The job's row in the database is the record; the queue only carries its id.
 * Every method fails with AppError QUEUE_UNAVAILABLE, within about a second, when Redis cannot be used; those that add
 * something fail with QUEUE_FULL when it has no memory left.
 */
export interface JobQueue {
  /** Queues a job by id. Adding an id that is already there changes nothing. */
  add(jobId: string, options: QueueOptions): Promise<void>;
  /** Queues many jobs, in their order. When it fails, some may have been queued. */
  addAll(jobs: readonly QueuedJob[]): Promise<void>;
  /** Takes a job out that has not begun. False where there is none such: it runs, or it is gone. */
  remove(jobId: string): Promise<boolean>;
  /** Asks whichever worker runs the job to stop it. Nothing tells whether it heard. */
  cancel(jobId: string): Promise<void>;
  /** Ids of all jobs that run now: as many as there are workers. */
  activeJobs(): Promise<ReadonlySet<string>>;
  /** undefined: the queue does not hold this job. */
  state(jobId: string): Promise<QueuedState | undefined>;
  /** Those of the jobs that the queue does not hold. */
  missing(jobIds: readonly string[]): Promise<string[]>;
  /** Waits until the job finishes or the time is over; the caller reads the record afterwards. */
  waitUntilFinished(jobId: string, timeoutMs: number): Promise<void>;
  /**
   * Calls back when something may have happened to a job: only a hint, which may come for nothing, late or never.
   * Does not fail. @returns what ends the watch
   */
  watch(jobId: string, onHint: () => void): () => void;
  /** Jobs by state ('waiting', 'active', 'delayed', …), for the gauge. */
  counts(): Promise<Record<string, number>>;
  /**
   * What puts queued jobs at risk, although the queue works.
   * @throws AppError QUEUE_UNAVAILABLE, QUEUE_FULL when jobs cannot be queued
   */
  check(): Promise<readonly Risk[]>;
}
