import type { AdapterRecord } from '../contract/adapter.ts';
import type { JobRecord } from '../contract/job.ts';
import type { RecordedJobRequest } from '../contract/job-request.ts';
import type { DescribedAdapter } from '../service/described-adapter.ts';
import type { JobData, JobTotals } from './job-types.ts';

/**
 * All that a compute process is told of a job. It goes from process to process and never through Redis: the request has
 * the sealed credentials that the job needs.
 */
export interface Task {
  /** As it was accepted, without secrets. */
  readonly job: JobRecord;
  readonly request: RecordedJobRequest;
  /** The adapters that the request names, each once, in its order. */
  readonly sources: readonly AdapterRecord[];
}

/** What BullMQ hands to a compute process. */
export interface TaskData extends JobData {
  readonly task: Task;
}

/** What a compute process made of a task. Files and report are stored by then; the records are still to be written. */
export interface Made {
  /** The job as it ended. */
  readonly job: JobRecord;
  readonly adapters: readonly MadeAdapter[];
  readonly totals: NonNullable<JobTotals>;
}

/** An adapter whose files are stored. */
export interface MadeAdapter {
  readonly described: DescribedAdapter;
  /** The adapter it was made from; null where there are several, and for one that was fetched. */
  readonly parentId: string | null;
}
