import type { LocalFile } from '../adapter/digested-file.ts';
import type { DtypeName } from '../adapter/dtype-names.ts';
import type { FailedResult, Phase, ProviderInfo, SucceededResult, Timings } from '../contract/job.ts';
import type { SqueezeOptions } from '../contract/job-request.ts';
import type { Report } from '../contract/report.ts';
import type { Target } from '../contract/target.ts';
import type { OpenedAdapter } from './open-adapter.ts';

/** The context of a job: where it writes, how it reports progress, and when it must stop. */
export interface JobContext {
  /** A folder for files, which the caller creates and removes. */
  readonly scratchDir: string;
  /** Is called often; the receiver throttles. */
  readonly onProgress: (progress: {
    phase: Phase;
    done: number;
    total: number;
    module: string | null;
  }) => void;
  readonly signal: AbortSignal;
}

/** The data of a source adapter in the report. */
export type ReportedSource = Report['sources'][number];

/** An adapter that a job reads, with local files. */
export interface SourceFiles extends Omit<ReportedSource, 'weight'> {
  /** Its weights, which are only read. */
  readonly weightsPath: string;
  /** Its adapter_config.json; null if the format has none. */
  readonly configBytes: Uint8Array | null;
}

/** Everything that a squeeze needs, with local files. */
export interface SqueezeInput extends JobContext {
  readonly kind: 'squeeze' | 'checkpoint' | 'merge';
  /** The adapters from which the weights come: one, except in a merge. */
  readonly sources: readonly ReportedSource[];
  /** Local path of the weights to squeeze, which are only read. */
  readonly weightsPath: string;
  /** null if the format has none. */
  readonly configBytes: Uint8Array | null;
  /** The adapter in these files, if it has already been read. */
  readonly opened?: OpenedAdapter;
  readonly targets: readonly Target[];
  readonly options: SqueezeOptions;
  /** Moments of the source's factors (safetensors, see readOptimizerState), which are only read. */
  readonly optimizer?: { readonly path: string; readonly mode: 'carry' | 'reset' };
  /** The meaning of dtype "match", if it is not the dtype of the weights. */
  readonly matchDtype?: DtypeName;
  /** Warnings for the results, in addition to those that are found here. */
  readonly warnings?: readonly string[];
}

/** A file that has been written. */
export type OutputFile = LocalFile;

/** The result of one target; `files` is null if the source already satisfies the target and is itself the result. */
export interface WrittenTarget {
  readonly state: 'succeeded';
  readonly result: Omit<SucceededResult, 'adapter_id'>;
  readonly files: readonly OutputFile[] | null;
  /** Files for a trainer, which are not part of the adapter. */
  readonly extra: readonly OutputFile[];
}

/** The outcome of one target, independent of the others. */
export type TargetOutcome = WrittenTarget | FailedResult;

/** The outcome of a job of any kind. */
export interface JobOutcome {
  /** Empty for a job that writes nothing. */
  readonly targets: readonly TargetOutcome[];
  /**
   * The report without the ids of the job and the results, in the order of `targets`; the caller fills them in. null
   * if every target failed.
   */
  readonly report: Report | null;
  readonly provider: ProviderInfo;
  /** queue_wait is 0; only the caller knows it. */
  readonly timings: Timings;
  /** Totals for the metrics. */
  readonly modules: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}
