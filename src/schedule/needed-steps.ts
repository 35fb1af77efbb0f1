import { AppError } from '../errors/app-error.ts';
import type { Clock } from './clock.ts';
import { leastSteps } from './stage-lengths.ts';

/** The least steps of a training that so many stages fit into: its own, as the share of the last one grows with them. */
export function neededSteps(stages: number, clock: Clock): number {
  const floors = leastSteps(stages, { ...clock, finalShare: 0 });
  const earlier = floors.slice(0, -1).reduce((total, steps) => total + steps, 0);
  const needed = earlier + floors.at(-1)!;
  if (stages === 1) return needed;
  const { finalShare } = clock;
  let shared = Math.floor(earlier / (1 - finalShare));
  while (shared - Math.ceil(finalShare * shared) < earlier) shared++;
  return Math.max(needed, shared);
}

/**
 * The ranks, where the steps hold a stage of each.
 * @param asked the stages asked for, of which rounding may have left fewer
 * @throws AppError SCHEDULE_TOO_SHORT with the steps needed and those there are
 */
export function fitting(ranks: number[], clock: Clock, asked = ranks.length): number[] {
  const needed = neededSteps(ranks.length, clock);
  const { totalSteps, warmUpSteps, finalSteps, minStageSteps, finalShare } = clock;
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
    ...(ranks.length > 1 && finalShare > 0 ? [`final_share ${finalShare}`] : []),
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
      final_share: finalShare,
    },
  );
}
