import type { JobResult, Phase, ProviderInfo, SqueezeOptions, Timings } from '../contract/job.ts';
import type { Report } from '../contract/report.ts';
import type { Target } from '../contract/target.ts';

/** Everything one squeeze needs, all of it local. */
export interface SqueezeInput {
  readonly jobId: string;
  readonly adapterId: string;
  /** Local path of the source weights (safetensors), only read. */
  readonly weightsPath: string;
  readonly weightsSha256: string;
  readonly configBytes: Uint8Array;
  readonly targets: readonly Target[];
  readonly options: SqueezeOptions;
  /** Folder for the output files; made and removed by the caller. */
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

export interface OutputFile {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** One target's result; `files` is null when the source already satisfies the target and is itself the result. */
export interface TargetOutcome {
  readonly result: Omit<JobResult, 'adapter_id'>;
  readonly files: readonly OutputFile[] | null;
}

export interface SqueezeOutcome {
  readonly targets: readonly TargetOutcome[];
  /** The report without adapter ids of the results, in the order of `targets`; the caller fills them in. */
  readonly report: Report;
  readonly provider: ProviderInfo;
  /** queue_wait is 0 here; the caller knows it. */
  readonly timings: Timings;
  /** Totals for the metrics. */
  readonly modules: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/**
 * Squeezes one adapter to all its targets.
 * @throws AppError for everything that is wrong with the input or the result, CANCELLED when the signal fires
 */
export async function squeeze(_input: SqueezeInput): Promise<SqueezeOutcome> {
  throw new Error('to come');
}
