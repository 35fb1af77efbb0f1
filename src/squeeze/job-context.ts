import type { LocalFile } from '../adapter/digested-file.ts';
import type { DtypeName } from '../adapter/dtype-names.ts';
import type { FailedResult, Phase, ProviderInfo, SucceededResult, Timings } from '../contract/job.ts';
import type { SqueezeOptions } from '../contract/job-request.ts';
import type { Report } from '../contract/report.ts';
import type { Target } from '../contract/target.ts';
import type { OpenedAdapter } from './open-adapter.ts';

/** The surroundings of a job: where it writes, who is told about its progress, and when it must stop. */
export interface JobContext {
  /** Folder for files; made and removed by the caller. */
  readonly scratchDir: string;
  /** Called often; the receiver throttles. */
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

/** An adapter that a job reads, all of it local. */
export interface SourceFiles extends Omit<ReportedSource, 'weight'> {
  /** Its weights, only read. */
  readonly weightsPath: string;
  /** Its adapter_config.json; null where the format has none. */
  readonly configBytes: Uint8Array | null;
}

/** Everything one squeeze needs, all of it local. */
export interface SqueezeInput extends JobContext {
  readonly kind: 'squeeze' | 'checkpoint' | 'merge';
  /** The adapters that the weights come from; one but in a merge. */
  readonly sources: readonly ReportedSource[];
  /** Local path of the weights to squeeze, only read. */
  readonly weightsPath: string;
  /** null where the format has none. */
  readonly configBytes: Uint8Array | null;
  /** The adapter in these files where it has been read already. */
  readonly opened?: OpenedAdapter;
  readonly targets: readonly Target[];
  readonly options: SqueezeOptions;
  /** Moments of the source's factors (safetensors, see readOptimizerState), only read. */
  readonly optimizer?: { readonly path: string; readonly mode: 'carry' | 'reset' };
  /** What dtype "match" means, where that is not the dtype of the weights. */
  readonly matchDtype?: DtypeName;
  /** What the results should warn of besides what is found here. */
  readonly warnings?: readonly string[];
}

/** A file that was written. */
export type OutputFile = LocalFile;

/** One target's result; `files` is null when the source already satisfies the target and is itself the result. */
export interface MadeTarget {
  readonly state: 'succeeded';
  readonly result: Omit<SucceededResult, 'adapter_id'>;
  readonly files: readonly OutputFile[] | null;
  /** Files for a trainer, which are not part of the adapter. */
  readonly extra: readonly OutputFile[];
}

/** Outcome of one target, independent of the others. */
export type TargetOutcome = MadeTarget | FailedResult;

/** Outcome of a job of any kind. */
export interface JobOutcome {
  /** Empty for a job that writes nothing. */
  readonly targets: readonly TargetOutcome[];
  /**
   * The report without the ids of the job and the results, in the order of `targets`; the caller fills them in. Null where
   * every target failed.
   */
  readonly report: Report | null;
  readonly provider: ProviderInfo;
  /** queue_wait is 0 here; the caller knows it. */
  readonly timings: Timings;
  /** Totals for the metrics. */
  readonly modules: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}
