import { AppError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { leastSteps } from './stage-lengths.ts';

/** The least steps that so many stages take together. */
export const neededSteps = (stages: number, clock: Clock): number =>
  leastSteps(stages, clock).reduce((total, steps) => total + steps, 0);

/**
 * The ranks, where the steps hold a stage of each.
 * @param asked the stages asked for, of which rounding may have left fewer
 * @throws AppError SCHEDULE_TOO_SHORT with the steps needed and those there are
 */
export function fitting(ranks: number[], clock: Clock, asked = ranks.length): number[] {
  const needed = neededSteps(ranks.length, clock);
  const { totalSteps, warmUpSteps, finalSteps, minStageSteps } = clock;
  if (needed <= totalSteps) return ranks;
  const rounded =
    asked === ranks.length
      ? ''
      : ` (${asked} asked for, rounded to whole ranks; the others would repeat one)`;
  const stages =
    ranks.length === 1 ? `One stage at rank ${ranks[0]} needs` : `${ranks.length} stages${rounded} need`;
  const floors = [
    `min_stage_steps ${minStageSteps}`,
    ...(warmUpSteps > minStageSteps ? [`warm_up_steps ${warmUpSteps}`] : []),
    ...(finalSteps > minStageSteps ? [`final_steps ${finalSteps}`] : []),
  ];
  throw new AppError(
    'SCHEDULE_TOO_SHORT',
    `${stages} ${needed} steps (${floors.join(', ')}), but total_steps is ${totalSteps}.`,
    {
      stages: ranks.length,
      needed_steps: needed,
      total_steps: totalSteps,
      min_stage_steps: minStageSteps,
      warm_up_steps: warmUpSteps,
      final_steps: finalSteps,
    },
  );
}
