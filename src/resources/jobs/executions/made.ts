import type { FailedResult, ProviderInfo, SucceededResult, Timings } from '../../../contract/job.ts';
import type { JobFailure } from '../../../contract/job-failure.ts';
import type { Delivery } from '../../../contract/transfer.ts';
import type { ImportedAdapter } from '../../../contract/transfer-job.ts';
import type { JobFileTable } from '../../../database/job-tables.ts';
import type { DescribedAdapter } from '../../adapters/described-adapter.ts';
import type { WrittenFile } from '../../contents/content-files.ts';

/** An adapter whose files are written. */
export interface AdapterMade {
  readonly described: DescribedAdapter;
  readonly files: readonly WrittenFile[];
}

/** The adapter that a job asked to be fetched. */
export interface FetchMade {
  readonly step: 'fetch';
  /** undefined: where it comes from says nothing that could be its name. */
  readonly name: string | undefined;
  readonly adapter: AdapterMade;
  readonly imported: Omit<ImportedAdapter, 'adapter_id'>;
}

/**
 * The outcome of the work of a request. It contains no ids of records, so that every job with the same request can
 * use it.
 */
export interface WorkMade {
  readonly step: 'work';
  readonly targets: readonly {
    readonly result: Omit<SucceededResult, 'adapter_id'> | FailedResult;
    /** null: there is none, or the source is the result. */
    readonly adapter: AdapterMade | null;
  }[];
  /** The report (see report-ids.ts), and files for a trainer. */
  readonly files: readonly (WrittenFile & { readonly role: JobFileTable['role'] })[];
  readonly modules: number;
  /** `queue_wait` is each job's own. */
  readonly timings: Timings;
  readonly provider: ProviderInfo;
}

/** What came of the deliveries that were tried. */
export interface DeliverMade {
  readonly step: 'deliver';
  readonly delivered: readonly {
    /** Place in the deliveries of the job. */
    readonly index: number;
    readonly outcome: Delivery | JobFailure;
  }[];
  /** Why others are to be tried once more; null: none are. */
  readonly again: JobFailure | null;
}

/** What a compute process made of a step. All bytes are written by then; the records are still to be. */
export type Made = FetchMade | WorkMade | DeliverMade;

/** What an execution moved, for the metrics. */
export interface Totals {
  readonly modules: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Code of the error by which work failed completely; undefined: there are results. */
export function failedWorkCode(made: Made): string | undefined {
  if (made.step !== 'work') return undefined;
  const [first] = made.targets;
  const isVain = made.targets.every(({ result }) => result.state === 'failed');
  return isVain && first?.result.state === 'failed' ? first.result.error.code : undefined;
}

/** As it is kept for equal requests: where bytes were written is known to the contents by then. */
export const keptOutcome = (made: WorkMade): string => {
  const bare = ({ name, sha256, bytes }: WrittenFile): WrittenFile => ({ name, sha256, bytes });
  return JSON.stringify({
    ...made,
    targets: made.targets.map(({ result, adapter }) => ({
      result,
      adapter: adapter && { ...adapter, files: adapter.files.map(bare) },
    })),
    files: made.files.map((file) => ({ ...bare(file), role: file.role })),
  } satisfies WorkMade);
};

/** All files of a step, which are to become contents. */
export function writtenFiles(made: Made): WrittenFile[] {
  if (made.step === 'deliver') return [];
  if (made.step === 'fetch') return [...made.adapter.files];
  return [...made.targets.flatMap(({ adapter }) => adapter?.files ?? []), ...made.files];
}
