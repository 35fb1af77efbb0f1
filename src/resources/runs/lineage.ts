import type { JobRecord } from '../../contract/job.ts';
import { type CheckpointManifest, clockOfRun, type RankRange, type RunManifest } from './run-manifest.ts';

/** The outcome of a checkpoint. With `keep` it is known at once: the checkpoint succeeded and nothing changed. */
export type Outcome =
  | { readonly state: 'pending' | 'failed' | 'cancelled' }
  | {
      readonly state: 'succeeded';
      readonly rank: RankRange;
      /** The parameters of the result's factors; null for keep. */
      readonly parameters: number | null;
      /** null for keep, for which nothing is stored. */
      readonly adapterId: string | null;
    };

/** An entry of a run's log with its outcome. */
export interface PastCheckpoint {
  readonly checkpoint: CheckpointManifest;
  readonly outcome: Outcome;
}

/** The state of a run after a checkpoint. */
export interface Position {
  /**
   * The first checkpoint that counts, which is the adapter with which training began; undefined if there is none yet.
   */
  readonly first: PastCheckpoint | undefined;
  /** The last checkpoint that counts; undefined if there is none yet. */
  readonly last: PastCheckpoint | undefined;
  readonly rank: RankRange;
  /**
   * The rank that is compared with the ranks of the plan: the largest one or, if the modules share out the parameters
   * of a uniform rank, that rank.
   */
  readonly stageRank: number;
  /** The step of the last checkpoint that was squeezed or is being squeezed. */
  readonly lastSqueezeStep: number | null;
  /** The squeezes with which a stage began. */
  readonly stages: readonly PastCheckpoint[];
  /** The state before `last`. */
  readonly before: Position | undefined;
}

/** The outcome of a checkpoint, given its job if it has one. A job that does not exist yet will be submitted. */
export function checkpointOutcome(checkpoint: CheckpointManifest, job: JobRecord | undefined): Outcome {
  const { decision, rank_before } = checkpoint;
  if (decision === 'keep') {
    return { state: 'succeeded', rank: rank_before, parameters: null, adapterId: null };
  }
  const result = job?.results[0];
  if (result?.state === 'succeeded') {
    const { rank, parameters, adapter_id } = result;
    return { state: 'succeeded', rank, parameters, adapterId: adapter_id };
  }
  return { state: job?.state === 'failed' || job?.state === 'cancelled' ? job.state : 'pending' };
}

/**
 * Which entries of a log were superseded by a later one. Steps rise along a log unless the run was rewound or a
 * failed checkpoint was sent again; a later entry at the same step or before it therefore supersedes earlier ones,
 * and nothing has to be marked.
 */
export function supersededIn(log: readonly Pick<PastCheckpoint, 'checkpoint'>[]): boolean[] {
  let lowest = Number.POSITIVE_INFINITY;
  return log
    .toReversed()
    .map(({ checkpoint }) => {
      const isSuperseded = lowest <= checkpoint.step;
      lowest = Math.min(lowest, checkpoint.step);
      return isSuperseded;
    })
    .reverse();
}

/** The entries that led to the current state: neither superseded nor failed. Their steps increase. */
export function currentLineage(log: readonly PastCheckpoint[]): PastCheckpoint[] {
  const superseded = supersededIn(log);
  return log.filter(
    ({ outcome }, index) => !superseded[index] && outcome.state !== 'failed' && outcome.state !== 'cancelled',
  );
}

/** The state of the run after those checkpoints of its lineage that precede `step`; by default after all of them. */
export const positionIn = (
  run: RunManifest,
  log: readonly PastCheckpoint[],
  step = Number.POSITIVE_INFINITY,
): Position => positionBefore(step, log.reduce(positionAfter, startOf(run)));

/** The state of a run before its first checkpoint. */
export function startOf(run: RunManifest): Position {
  const { source_rank } = clockOfRun(run);
  return {
    ...{ first: undefined, last: undefined, lastSqueezeStep: null, stages: [], before: undefined },
    ...{ rank: { min: source_rank, max: source_rank }, stageRank: source_rank },
  };
}

/** The state before the checkpoints of a lineage from `step` on. */
export function positionBefore(step: number, position: Position): Position {
  let before = position;
  while (before.last && before.last.checkpoint.step >= step) before = before.before!;
  return before;
}

/** The state after one more entry of a log, which supersedes those from its step on even if it failed. */
export function positionAfter(position: Position, past: PastCheckpoint): Position {
  const { checkpoint, outcome } = past;
  const before = positionBefore(checkpoint.step, position);
  if (outcome.state === 'failed' || outcome.state === 'cancelled') return before;
  const stageRank = stageRankAfter(past);
  return {
    first: before.first ?? past,
    last: past,
    rank: rankAfter(past),
    stageRank: stageRank ?? before.stageRank,
    lastSqueezeStep: isSqueezed(past) ? checkpoint.step : before.lastSqueezeStep,
    stages: stageRank !== null && isNewStage(past) ? [...before.stages, past] : before.stages,
    before,
  };
}

/**
 * Whether a new stage begins: after a scheduled squeeze, always; after an examination of the spectrum, only if the
 * rank changed.
 */
const isNewStage = ({ checkpoint, outcome }: PastCheckpoint): boolean =>
  checkpoint.stage_rank !== null ||
  (outcome.state === 'succeeded' && outcome.adapterId !== checkpoint.source_adapter_id);

/** The rank after a checkpoint, or before it while its outcome is not known. */
const rankAfter = ({ checkpoint, outcome }: PastCheckpoint): RankRange =>
  outcome.state === 'succeeded' ? outcome.rank : checkpoint.rank_before;

/** The rank of the plan to which a squeeze led; null without a squeeze. */
export function stageRankAfter({ checkpoint, outcome }: PastCheckpoint): number | null {
  if (checkpoint.decision === 'keep' || outcome.state !== 'succeeded') return null;
  return checkpoint.stage_rank ?? outcome.rank.max;
}

/** Whether a checkpoint was squeezed. A job that finds nothing to squeeze returns its source. */
export const isSqueezed = ({ checkpoint, outcome }: PastCheckpoint): boolean =>
  checkpoint.decision === 'squeeze' &&
  !(outcome.state === 'succeeded' && outcome.adapterId === checkpoint.source_adapter_id);
