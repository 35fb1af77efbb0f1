import type { AdaptivePlan } from './adaptive-plan.ts';
import type { Plan } from './decide.ts';
import type { Position } from './lineage.ts';

/**
 * Squeezes to the rank that the spectrum allows, once enough steps have passed since the last squeeze; from
 * last_squeeze_step on, to the target rank. No stage may be shorter than min_stage_steps, so shortly before
 * last_squeeze_step nothing is done.
 */
export function decideAdaptive(plan: AdaptivePlan, position: Position, step: number): Plan {
  const { target_rank, last_squeeze_step, min_stage_steps } = plan;
  const { rank } = position;
  if (rank.max <= target_rank) return keep(`The target rank ${target_rank} is reached.`);
  if (step >= last_squeeze_step) {
    return {
      kind: 'squeeze',
      goal: { rank: target_rank },
      stageRank: target_rank,
      reason: `After step ${last_squeeze_step} the training continues at the target rank ${target_rank}.`,
      lateBySteps: step - last_squeeze_step,
    };
  }
  const allowed = earliestSqueezeStep(plan, position);
  if (step < allowed) {
    const since =
      position.lastSqueezeStep === null
        ? `the source rank stays until then`
        : `${min_stage_steps} steps after the squeeze of step ${position.lastSqueezeStep}`;
    return keep(`The next squeeze is at step ${allowed} at the earliest: ${since}.`);
  }
  if (step > last_squeeze_step - min_stage_steps) {
    return keep(
      `Fewer than ${min_stage_steps} steps are left until step ${last_squeeze_step}, where the target rank is due.`,
    );
  }
  const goal = { ...plan.goal, uniform: plan.uniform, min_rank: target_rank, max_rank: rank.max };
  const what =
    'energy' in plan.goal
      ? `energy ${plan.goal.energy} is kept`
      : `the error is at most ${plan.goal.tolerance}`;
  return {
    kind: 'squeeze',
    goal,
    stageRank: null,
    reason: `The squeeze is to the smallest rank from ${target_rank} to ${rank.max} at which ${what}.`,
    lateBySteps: 0,
  };
}

/** The first step at which the spectrum may decide, without regard to the end of the run. */
export const earliestSqueezeStep = (
  { first_squeeze_step, min_stage_steps }: AdaptivePlan,
  { lastSqueezeStep }: Pick<Position, 'lastSqueezeStep'>,
): number => (lastSqueezeStep === null ? first_squeeze_step : lastSqueezeStep + min_stage_steps);

const keep = (reason: string): Plan => ({ kind: 'keep', reason });
