import type { JobRecord } from '../../contract/job.ts';
import { ERROR_KINDS } from '../../errors.ts';

const { title, retryable } = ERROR_KINDS.CANCELLED;

/** The record of a job that is cancelled just now, with what is known of it so far. */
export const cancelledJob = (record: JobRecord): JobRecord => ({
  ...record,
  state: 'cancelled',
  finished_at: new Date().toISOString(),
  error: { code: 'CANCELLED', title, detail: 'The job was cancelled before it had results.', retryable },
});
