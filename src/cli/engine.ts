import type { LocalFile } from '../adapter/digested-file.ts';
import type { JobRecord, SucceededResult } from '../contract/job.ts';
import type { SqueezeOptions, WorkRequest } from '../contract/job-request.ts';
import type { Report } from '../contract/report.ts';
import type { ResultSettings } from '../contract/result-settings.ts';
import type { Target } from '../contract/target.ts';
import type { ReportedFailure } from './command-error.ts';

/** A task with some adapters: folders, files or, for a server, URLs. */
export interface EngineTask {
  readonly kind: 'squeeze' | 'analyze' | 'merge';
  /** A single source, except for a merge. */
  readonly sources: readonly { readonly folder: string; readonly weight: number }[];
  /** Empty if nothing is written. */
  readonly targets: readonly Target[];
  readonly options: SqueezeOptions | undefined;
  /** The name of the result on a server, and how long it is kept there. */
  readonly results?: ResultSettings | undefined;
  /** A sink to which the server delivers the results, which are then not downloaded. */
  readonly deliver?: string | undefined;
}

/** The progress of a task within one of the engine's steps. */
export interface StepProgress {
  readonly step: string;
  readonly done: number;
  readonly total: number;
}

export interface EngineContext {
  /** An empty folder for files, which the caller creates and removes. */
  readonly workDir: string;
  /** Is called often. */
  readonly onProgress: (progress: StepProgress) => void;
  readonly signal: AbortSignal;
}

/** A finished file in the work folder. */
export type ResultFile = LocalFile;

/** The outcome of one target. */
export type EngineTarget =
  | {
      readonly state: 'succeeded';
      readonly result: SucceededResult;
      /**
       * All files of the result: those of the adapter, and what a trainer needs in addition. Empty if the result was
       * delivered.
       */
      readonly files: readonly ResultFile[];
    }
  | { readonly state: 'failed'; readonly error: ReportedFailure };

export interface EngineOutcome {
  readonly report: Report;
  /** One for each target, in the same order. */
  readonly targets: readonly EngineTarget[];
  readonly deliveries: JobRecord['deliveries'];
}

/** Does tasks, either in this process or on a server. The same task gives the same bytes in both. */
export interface Engine {
  /** The steps of the engine, in their order. */
  readonly steps: readonly string[];
  /** The number of simultaneous tasks that keep the engine busy. */
  readonly tasksAtOnce: number;
  /** @throws UsageError for a request that is invalid for every adapter, as far as the engine knows in advance */
  check(task: Pick<EngineTask, 'sources' | 'targets' | 'deliver'>): void;
  /**
   * @throws AppError, CommandError for faults of the input or of the connection, or if no target succeeded; the
   *   reason of the signal if it is aborted
   */
  run(task: EngineTask, context: EngineContext): Promise<EngineOutcome>;
  close(): Promise<void>;
}

/** The task as a request to the API. @param ids the ids of the sources, in their order */
export function jobRequest(
  { kind, sources, targets, options }: EngineTask,
  ids: readonly string[],
): WorkRequest {
  if (kind === 'analyze') return { kind, adapter_id: ids[0]! };
  const order = { targets: [...targets], ...(options ? { options } : {}) };
  return kind === 'merge'
    ? { kind, sources: ids.map((id, i) => ({ adapter_id: id, weight: sources[i]!.weight })), ...order }
    : { kind: 'squeeze', adapter_id: ids[0]!, ...order };
}
