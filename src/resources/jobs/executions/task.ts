import type { JobKind, RecordedJobRequest } from '../../../contract/job-request.ts';
import type { RecordedSink, RecordedSource } from '../../../contract/transfer.ts';
import type { Include } from '../../../contract/transfer-job.ts';
import type { ConnectionAccess } from '../../../transfer/connection-access.ts';
import type { StoredFile } from '../../contents/content-files.ts';
import type { Dispatched } from './finish-execution.ts';
import type { ReportedJob } from './report-ids.ts';

/**
 * Everything that a compute process receives about an attempt at an execution. It is sent between processes and never
 * through Redis, because it contains the sealed credentials of a transfer: those of the job, or the current ones of
 * its connection.
 */
export interface ExecutionTask extends Dispatched {
  readonly tenant: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Whether a failure that may pass is final now. */
  readonly isLast: boolean;
  /** Ids of the jobs that wait for it. */
  readonly jobs: readonly string[];
  /** Recorded before: what the compute process writes begins with it. */
  readonly writeId: string;
  readonly workBytes: number;
  /** Of the jobs. */
  readonly kind: JobKind;
  readonly todo: FetchTodo | WorkTodo | DeliverTodo;
}

export interface FetchTodo {
  readonly step: 'fetch';
  readonly source: RecordedSource;
  readonly access: ConnectionAccess | null;
}

export interface WorkTodo {
  readonly step: 'work';
  /** Of one of the jobs, by the ids of its adapters. */
  readonly request: RecordedJobRequest;
  /** The adapters that the request names, each once, in its order. */
  readonly sources: readonly TaskSource[];
  /** The moments that a checkpoint came with. */
  readonly optimizer: StoredFile | null;
}

export interface DeliverTodo {
  readonly step: 'deliver';
  readonly deliveries: readonly {
    /** Place in the deliveries of the job. */
    readonly index: number;
    readonly to: RecordedSink;
    readonly access: ConnectionAccess | null;
    readonly adapter: TaskSource;
    readonly include: Include;
    /** null: it is not asked for, or there is none. */
    readonly report: TaskReport | null;
  }[];
}

/** A report as it is stored, with the job that it is to be that of. */
export interface TaskReport {
  readonly file: StoredFile;
  readonly job: ReportedJob;
}

/** An adapter that a job reads. */
export interface TaskSource {
  readonly id: string;
  readonly sha256: string;
  readonly base_model: string | null;
  readonly files: readonly StoredFile[];
}
