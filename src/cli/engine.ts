import type { LocalFile } from '../adapter/digested-file.ts';
import type { JobRecord, SucceededResult } from '../contract/job.ts';
import type { SqueezeOptions, WorkRequest } from '../contract/job-request.ts';
import type { Report } from '../contract/report.ts';
import type { ResultSettings } from '../contract/result-settings.ts';
import type { Target } from '../contract/target.ts';
import type { ToldFailure } from './command-error.ts';

/** A task with some adapters: folders, files or, for a server, URLs. */
export interface EngineTask {
  readonly kind: 'squeeze' | 'analyze' | 'merge';
  /** One but in a merge. */
  readonly sources: readonly { readonly folder: string; readonly weight: number }[];
  /** Empty: nothing is written. */
  readonly targets: readonly Target[];
  readonly options: SqueezeOptions | undefined;
  /** What a server calls the result, and for how long it keeps it. */
  readonly results?: ResultSettings | undefined;
  /** A sink to which the server delivers the results, which are then not downloaded. */
  readonly deliver?: string | undefined;
}

/** How far a task is, in one of the engine's steps. */
export interface StepProgress {
  readonly step: string;
  readonly done: number;
  readonly total: number;
}

export interface EngineContext {
  /** Empty folder for files; made and removed by the caller. */
  readonly workDir: string;
  /** Called often. */
  readonly onProgress: (progress: StepProgress) => void;
  readonly signal: AbortSignal;
}

/** A finished file in the work folder. */
export type ResultFile = LocalFile;

/** Outcome of one target. */
export type EngineTarget =
  | {
      readonly state: 'succeeded';
      readonly result: SucceededResult;
      /** All of the result: the adapter's, and what a trainer needs besides. Empty where it was delivered. */
      readonly files: readonly ResultFile[];
    }
  | { readonly state: 'failed'; readonly error: ToldFailure };

export interface EngineOutcome {
  readonly report: Report;
  /** One for each target, in their order. */
  readonly targets: readonly EngineTarget[];
  readonly deliveries: JobRecord['deliveries'];
}

/** Where tasks are done: in this process, or by a server. The same task gives the same bytes in both. */
export interface Engine {
  /** Its steps in their order. */
  readonly steps: readonly string[];
  /** How many tasks keep it busy. */
  readonly tasksAtOnce: number;
  /** @throws UsageError for a request that no adapter can satisfy, as far as the engine can tell in advance */
  check(task: Pick<EngineTask, 'sources' | 'targets' | 'deliver'>): void;
  /**
   * @throws AppError, CommandError for what is wrong with the input or on the way, or where no target succeeded; the
   *   signal's reason when it fires
   */
  run(task: EngineTask, context: EngineContext): Promise<EngineOutcome>;
  close(): Promise<void>;
}

/** The task as the API takes it. @param ids of the sources, in their order */
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
