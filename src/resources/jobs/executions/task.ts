import type { JobKind, RecordedJobRequest } from '../../../contract/job-request.ts';
import type { RecordedSink, RecordedSource } from '../../../contract/transfer.ts';
import type { Include } from '../../../contract/transfer-job.ts';
import type { ConnectionAccess } from '../../../transfer/connection-access.ts';
import type { StoredFile } from '../../contents/content-files.ts';
import type { DispatchRef } from './finish-execution.ts';
import type { ReportedJob } from './report-ids.ts';

/**
 * Everything that a compute process receives for an attempt at an execution. It is sent directly between processes
 * and never through Redis, because it contains the encrypted credentials of a transfer: those of the job, or the current
 * ones of its connection.
 */
export interface ExecutionTask extends DispatchRef {
  readonly tenant: string;
  /** The number of the attempt, counted from 1. */
  readonly attempt: number;
  /** Whether a temporary failure is now final. */
  readonly isLast: boolean;
  /** Ids of the jobs that wait for the execution. */
  readonly jobs: readonly string[];
  /** The id of a recorded write; the ids of what the compute process writes begin with it. */
  readonly writeId: string;
  readonly workBytes: number;
  /** The kind of the jobs. */
  readonly kind: JobKind;
  readonly input: ExecutionInput;
}

export type ExecutionInput = FetchInput | WorkInput | DeliveryInput;

export interface FetchInput {
  readonly step: 'fetch';
  readonly source: RecordedSource;
  readonly access: ConnectionAccess | null;
}

export interface WorkInput {
  readonly step: 'work';
  /** The request of one of the jobs, with the ids of its adapters. */
  readonly request: RecordedJobRequest;
  /** The adapters that the request names, each once, in its order. */
  readonly sources: readonly TaskSource[];
  /** The moments that were sent with a checkpoint. */
  readonly optimizer: StoredFile | null;
}

export interface DeliveryInput {
  readonly step: 'deliver';
  readonly deliveries: readonly {
    /** Index in the deliveries of the job. */
    readonly index: number;
    readonly to: RecordedSink;
    readonly access: ConnectionAccess | null;
    readonly adapter: TaskSource;
    readonly include: Include;
    /** null if the report is not requested, or does not exist. */
    readonly report: TaskReport | null;
  }[];
}

/** A stored report, and the job whose ids it gets. */
export interface TaskReport {
  readonly file: StoredFile;
  readonly job: ReportedJob;
}

/** An adapter that a job reads. */
export interface TaskSource {
  readonly id: string;
  readonly sha256: string;
  readonly base_model: string | null;
  readonly license?: string;
  readonly files: readonly StoredFile[];
}
