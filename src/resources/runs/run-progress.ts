import type { RunLearningRate } from '../../contract/schedule.ts';
import { type LearningRatePlan, planLearningRate, type StageSteps } from '../../schedule/learning-rate.ts';
import type { PastCheckpoint, Position } from './lineage.ts';
import type { RunManifest } from './run-manifest.ts';
import { meanRank } from './run-manifest.ts';

/** The past and future stages of a run, with the learning rate of each. */
export interface RunProgress {
  readonly stages: readonly StageSteps[];
  /** Index of the current stage. */
  readonly current: number;
  readonly learning: LearningRatePlan;
}

/**
 * The past stages of a run, as its squeezes made them, and the remaining ones: those of its schedule, or for an
 * adaptive run the one at the target rank, at the latest possible step. The learning rate is that of a plan with
 * these stages, so it decays only in the last one, which begins when the target rank is reached.
 */
export function runProgress(run: RunManifest, { stages: squeezes, stageRank }: Position): RunProgress {
  const { source_rank, total_steps } = run.schedule ?? run.adaptive!;
  const begun = [
    { rank: source_rank, begin_step: 0 },
    ...squeezes.map((past) => ({ rank: rankAfter(past), begin_step: past.checkpoint.step })),
  ];
  const ahead = stagesAhead(run, stageRank);
  const all = [...begun, ...ahead];
  const stages = all.map((stage, index) => ({
    ...stage,
    end_step: all[index + 1]?.begin_step ?? total_steps,
  }));
  const request = 'schedule' in run.request ? run.request.schedule : run.request.adaptive;
  return {
    stages,
    current: begun.length - 1,
    learning: planLearningRate(source_rank, stages, request.learning_rate),
  };
}

/** The learning rate to continue with. */
export function learningRateNow({ stages, current, learning }: RunProgress): RunLearningRate {
  const { begin_step, end_step } = stages[current]!;
  return { ...learning.stages[current]!, begin_step, end_step };
}

/** The uniform rank that gives the same size. */
function rankAfter({ checkpoint: { modules_by_rank }, outcome }: PastCheckpoint): number {
  if (outcome.state !== 'succeeded')
    throw new Error('the checkpoint begins a stage, but its squeeze has not succeeded');
  const { rank, parameters } = outcome;
  return parameters === null ? rank.max : meanRank(modules_by_rank, parameters);
}

function stagesAhead({ schedule, adaptive }: RunManifest, stageRank: number): Omit<StageSteps, 'end_step'>[] {
  if (schedule)
    return schedule.squeezes
      .filter(({ to_rank }) => to_rank < stageRank)
      .map(({ to_rank, step }) => ({ rank: to_rank, begin_step: step }));
  const { target_rank, last_squeeze_step } = adaptive!;
  return stageRank > target_rank ? [{ rank: target_rank, begin_step: last_squeeze_step }] : [];
}
