import type { JobState, Progress } from '../contract/job.ts';

/** What the queue knows of a job that is not final yet. */
export interface QueuedState {
  readonly state: Extract<JobState, 'queued' | 'active'>;
  readonly progress: Progress | null;
  readonly startedAt: Date | null;
  readonly attempts: number;
}

/**
 * The queue as the service sees it. The job's manifest in the storage is the record; the queue only carries its id.
 * Every method fails with AppError QUEUE_UNAVAILABLE, within about a second, when Redis cannot be reached.
 */
export interface JobQueue {
  /** Queues a job by id. Adding an id that is already there changes nothing. */
  add(jobId: string): Promise<void>;
  /** undefined: the queue does not hold this job. */
  state(jobId: string): Promise<QueuedState | undefined>;
  /** Waits until the job finishes or the time is over; the caller reads the manifest afterwards. */
  waitUntilFinished(jobId: string, timeoutMs: number): Promise<void>;
  /** Jobs by state ('waiting', 'active', 'delayed', …), for the gauge. */
  counts(): Promise<Record<string, number>>;
  /** Throws QUEUE_UNAVAILABLE with the reason when Redis is unreachable or unsafely configured. */
  check(): Promise<void>;
}
