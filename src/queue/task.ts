import type { JobRecord } from '../contract/job.ts';
import type { RecordedJobRequest } from '../contract/job-request.ts';
import type { JobFileTable } from '../database/tables.ts';
import type { StoredFile, WrittenFile } from '../service/content/content-files.ts';
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
  readonly sources: readonly TaskSource[];
  /** The moments that a checkpoint came with. */
  readonly optimizer: StoredFile | null;
  /** Recorded before: what the compute process writes begins with it. */
  readonly writeId: string;
}

/** An adapter that a job reads. */
export interface TaskSource {
  readonly id: string;
  readonly name: string;
  readonly sha256: string;
  readonly base_model: string | null;
  readonly files: readonly StoredFile[];
}

/** What BullMQ hands to a compute process. */
export interface TaskData extends JobData {
  readonly task: Task;
}

/** What a compute process made of a task. All bytes are written by then; the records are still to be. */
export interface Made {
  /** The job as it ended. */
  readonly job: JobRecord;
  readonly adapters: readonly MadeAdapter[];
  /** The report, and files for a trainer. */
  readonly files: readonly (WrittenFile & { readonly role: JobFileTable['role'] })[];
  readonly totals: NonNullable<JobTotals>;
}

/** An adapter whose files are written. */
export interface MadeAdapter {
  readonly id: string;
  readonly name: string;
  readonly described: DescribedAdapter;
  readonly files: readonly WrittenFile[];
  /** The adapter it was made from; null where there are several, and for one that was fetched. */
  readonly parentId: string | null;
}
