/** The queue of all jobs. */
export const QUEUE_NAME = 'jobs';

/** What a job of the queue carries: nothing; its id leads to the record in the storage. */
export type JobData = Record<string, never>;

/** What a job moved, for the metrics; null where an earlier attempt had done the work already. */
export type JobTotals = {
  readonly modules: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
} | null;
