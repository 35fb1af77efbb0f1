import type { AdaptiveRequest } from '../../contract/schedule.ts';
import { AppError } from '../../errors/app-error.ts';
import { resolveClock } from '../../schedule/clock.ts';
import { scheduleInvalid } from '../../schedule/schedule-invalid.ts';
import { minSteps, neededSteps } from '../../schedule/stage-lengths.ts';

const DEFAULT_CHECK_EVERY_STEPS = 200;

/** An adaptive annealing with every default filled in, and the steps at which it may begin and must end. */
export interface AdaptivePlan {
  readonly source_rank: number;
  readonly target_rank: number;
  readonly total_steps: number;
  readonly min_stage_steps: number;
  readonly check_every_steps: number;
  readonly uniform: boolean;
  /** What each squeeze must keep. */
  readonly goal: { readonly energy: number } | { readonly tolerance: number };
  /** Until this step, the source rank stays: warm_up_steps have passed and the first stage has min_stage_steps. */
  readonly first_squeeze_step: number;
  /**
   * From this step on, checkpoints are squeezed to target_rank whatever the spectrum is: the last stage, of the
   * required length, follows.
   */
  readonly last_squeeze_step: number;
}

/**
 * Checks an adaptive annealing as planSchedule checks a scheduled one.
 * @throws AppError SCHEDULE_INVALID, SCHEDULE_TOO_SHORT
 */
export function planAdaptive(request: AdaptiveRequest): AdaptivePlan {
  const { source_rank, target_rank, total_steps, energy, tolerance } = request;
  if (source_rank < target_rank) {
    throw scheduleInvalid(
      `source_rank (${source_rank}) is below target_rank (${target_rank}); a squeeze cannot raise a rank.`,
      { source_rank, target_rank },
    );
  }
  const clock = resolveClock(request);
  const isOneStage = source_rank === target_rank;
  const floors = minSteps(isOneStage ? 1 : 2, clock);
  const needed = neededSteps(floors.length, clock);
  if (needed > total_steps) {
    throw new AppError(
      'SCHEDULE_TOO_SHORT',
      `${isOneStage ? 'The one stage needs' : 'Two stages, at the source rank and at the target rank, need'} ${needed} ` +
        `steps (min_stage_steps ${clock.minStageSteps}, warm_up_steps ${clock.warmUpSteps}, final_steps ` +
        `${clock.finalSteps}, final_share ${clock.finalShare}), but total_steps is ${total_steps}.`,
      { needed_steps: needed, total_steps },
    );
  }
  return {
    source_rank,
    target_rank,
    total_steps,
    min_stage_steps: clock.minStageSteps,
    check_every_steps: request.check_every_steps ?? DEFAULT_CHECK_EVERY_STEPS,
    uniform: request.uniform ?? true,
    goal: goalOf(energy, tolerance),
    first_squeeze_step: floors[0]!,
    last_squeeze_step: total_steps - floors.at(-1)!,
  };
}

function goalOf(energy: number | undefined, tolerance: number | undefined): AdaptivePlan['goal'] {
  if (energy !== undefined && tolerance === undefined) return { energy };
  if (tolerance !== undefined && energy === undefined) return { tolerance };
  const what = energy === undefined ? 'neither is' : 'both are';
  throw scheduleInvalid(`An adaptive run needs exactly one of energy and tolerance; ${what} given.`, {
    energy: energy ?? null,
    tolerance: tolerance ?? null,
  });
}
