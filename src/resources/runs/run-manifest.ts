import type { LoraModule } from '../../adapter/adapter.ts';
import type { RunRequest } from '../../contract/run.ts';
import type { Schedule } from '../../contract/schedule.ts';
import type { Target } from '../../contract/target.ts';
import type { AdaptivePlan } from './adaptive-plan.ts';

export interface RankRange {
  readonly min: number;
  readonly max: number;
}

/** The modules of an adapter that have the same rank. */
export interface ModulesOfRank {
  readonly rank: number;
  /** The parameters that one rank of all of them takes: Σ(m + n). */
  readonly parameters_per_rank: number;
}

/** A run as it was created; only its name changes. Its state is derived from its checkpoints. */
export interface RunManifest {
  readonly id: string;
  /** The name in the request, or a later one; null: the run has no name. */
  readonly name: string | null;
  readonly request: RunRequest;
  /** Planned once, so that a later version of the planner does not change a training in progress. */
  readonly schedule: Schedule | null;
  /** Set if `schedule` is not. */
  readonly adaptive: AdaptivePlan | null;
  /** Id of the webhook that was part of its request. */
  readonly webhook_id: string | null;
  readonly created_at: string;
}

/**
 * An accepted checkpoint with its decision; never changed. It is written before its job is submitted and holds the
 * job's id, so that any process that finds no such job can submit it.
 */
export interface CheckpointManifest {
  readonly run_id: string;
  /** Its position in the run's log, counted from 1. */
  readonly sequence: number;
  readonly step: number;
  readonly decision: 'squeeze' | 'keep';
  readonly reason: string;
  readonly late_by_steps: number;
  readonly rank_before: RankRange;
  /** The training loss that was sent; absent if none was sent, or if an older version accepted the checkpoint. */
  readonly loss?: number;
  /** Ranks and sizes of the modules in the sent checkpoint. */
  readonly modules_by_rank: readonly ModulesOfRank[];
  /** The rank of the schedule to which a squeeze leads; null if the spectrum decided. */
  readonly stage_rank: number | null;
  /** Null for keep. */
  readonly source_adapter_id: string | null;
  /** Digest of the adapter that was sent. */
  readonly source_digest: string;
  /** Digest of the moments that were sent; null if there were none. */
  readonly optimizer_sha256: string | null;
  readonly base_model: string | null;
  /** Digest of the names and shapes of the modules; the list itself is content. */
  readonly modules_sha256: string;
  /** null for keep, like the job's id. */
  readonly target: Target | null;
  readonly job_id: string | null;
  readonly created_at: string;
}

export const clockOfRun = ({ schedule, adaptive }: RunManifest): Schedule | AdaptivePlan =>
  (schedule ?? adaptive)!;

/** The modules by their rank, ascending. */
export function modulesByRank(modules: readonly Pick<LoraModule, 'rank' | 'm' | 'n'>[]): ModulesOfRank[] {
  const sizes = new Map<number, number>();
  for (const { rank, m, n } of modules) sizes.set(rank, (sizes.get(rank) ?? 0) + m + n);
  return [...sizes]
    .sort(([x], [y]) => x - y)
    .map(([rank, parameters_per_rank]) => ({ rank, parameters_per_rank }));
}

/** The parameters of the factors if every module has this rank, or its own if that is smaller. */
export const parametersAt = (modules: readonly ModulesOfRank[], uniformRank: number): number =>
  modules.reduce(
    (sum, { rank, parameters_per_rank }) => sum + Math.min(rank, uniformRank) * parameters_per_rank,
    0,
  );

/** The uniform rank with the same number of parameters: the mean of the ranks, weighted by size. */
export const meanRank = (modules: readonly ModulesOfRank[], parameters: number): number =>
  parameters / modules.reduce((sum, { parameters_per_rank }) => sum + parameters_per_rank, 0);
