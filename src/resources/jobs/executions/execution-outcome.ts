import type { FailedResult, ProviderInfo, SucceededResult, Timings } from '../../../contract/job.ts';
import type { JobFailure } from '../../../contract/job-failure.ts';
import type { Delivery } from '../../../contract/transfer.ts';
import type { ImportedAdapter } from '../../../contract/transfer-job.ts';
import type { JobFileTable } from '../../../database/job-tables.ts';
import type { AdapterDescription } from '../../adapters/describe-adapter.ts';
import type { WrittenFile } from '../../contents/content-files.ts';

/** An adapter whose files have been written. */
export interface AdapterOutcome {
  readonly description: AdapterDescription;
  readonly files: readonly WrittenFile[];
}

/** The adapter that a job asked to fetch. */
export interface FetchOutcome {
  readonly step: 'fetch';
  /** undefined if no name can be derived from the source. */
  readonly name: string | undefined;
  readonly adapter: AdapterOutcome;
  readonly imported: Omit<ImportedAdapter, 'adapter_id'>;
}

/**
 * The outcome of the work of a request. It contains no ids of records, so that every job with the same request can
 * use it.
 */
export interface WorkOutcome {
  readonly step: 'work';
  readonly targets: readonly {
    readonly result: Omit<SucceededResult, 'adapter_id'> | FailedResult;
    /** null if the target failed, or if the source itself is the result. */
    readonly adapter: AdapterOutcome | null;
  }[];
  /** The report (see report-ids.ts), and files for a trainer. */
  readonly files: readonly (WrittenFile & { readonly role: JobFileTable['role'] })[];
  readonly modules: number;
  /** The timings; `queue_wait` differs for each job. */
  readonly timings: Timings;
  readonly provider: ProviderInfo;
}

/** The outcome of the deliveries that were tried. */
export interface DeliveryOutcome {
  readonly step: 'deliver';
  readonly delivered: readonly {
    /** Index in the deliveries of the job. */
    readonly index: number;
    readonly outcome: Delivery | JobFailure;
  }[];
  /** The reason for trying other deliveries again; null if there are none. */
  readonly again: JobFailure | null;
}

/** The outcome of a step in a compute process. All bytes have been written, but no records. */
export type ExecutionOutcome = FetchOutcome | WorkOutcome | DeliveryOutcome;

/** What an execution moved, for the metrics. */
export interface ExecutionTotals {
  readonly modules: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** The code of the error with which the work failed completely; undefined if there are results. */
export function failedWorkCode(outcome: ExecutionOutcome): string | undefined {
  if (outcome.step !== 'work') return undefined;
  const [first] = outcome.targets;
  const hasFailed = outcome.targets.every(({ result }) => result.state === 'failed');
  return hasFailed && first?.result.state === 'failed' ? first.result.error.code : undefined;
}

/** Whether a target failed for a reason that may pass, so that the same work may have another outcome. */
export const mayDiffer = ({ targets }: WorkOutcome): boolean =>
  targets.some(({ result }) => result.state === 'failed' && result.error.retryable);

/** The outcome as it is stored for equal requests. The contents already record where bytes were written. */
export const serializeOutcome = (outcome: WorkOutcome): string => {
  const bare = ({ name, sha256, bytes }: WrittenFile): WrittenFile => ({ name, sha256, bytes });
  return JSON.stringify({
    ...outcome,
    targets: outcome.targets.map(({ result, adapter }) => ({
      result,
      adapter: adapter && { ...adapter, files: adapter.files.map(bare) },
    })),
    files: outcome.files.map((file) => ({ ...bare(file), role: file.role })),
  } satisfies WorkOutcome);
};

/** All files of a step that will become contents. */
export function writtenFiles(outcome: ExecutionOutcome): WrittenFile[] {
  if (outcome.step === 'deliver') return [];
  if (outcome.step === 'fetch') return [...outcome.adapter.files];
  return [...outcome.targets.flatMap(({ adapter }) => adapter?.files ?? []), ...outcome.files];
}
