import type { ScheduleRequest } from '../contract/schedule.ts';
import { scheduleInvalid } from './schedule-invalid.ts';

/** How long the training lasts and the minimum lengths of its stages, all in optimizer steps. */
export interface TrainingClock {
  readonly totalSteps: number;
  readonly warmUpSteps: number;
  readonly finalSteps: number;
  readonly minStageSteps: number;
  /**
   * The minimum share of the steps for the last of several stages, as the recipe requires; 0 if the recipe does not
   * require one.
   */
  readonly finalShare: number;
}

/** Share of the steps that are trained at the target rank. */
const DEFAULT_FINAL_SHARE = 0.5;

/** The shortest stage of the LoRA-Squeeze paper (arXiv 2602.10993). */
const DEFAULT_MIN_STAGE_STEPS = 200;

type ClockRequest = Pick<
  ScheduleRequest,
  'total_steps' | 'warm_up_steps' | 'final_steps' | 'min_stage_steps' | 'recipe' | 'final_share'
>;

/**
 * The minimum share of the steps for the target rank; null if the recipe does not require one.
 * @throws AppError SCHEDULE_INVALID
 */
export function finalShareOf({
  recipe,
  final_share,
}: Pick<ClockRequest, 'recipe' | 'final_share'>): number | null {
  if (recipe !== 'equal') return final_share ?? DEFAULT_FINAL_SHARE;
  if (final_share === undefined) return null;
  throw scheduleInvalid(
    `final_share is ${final_share}, but recipe "equal" gives no stage a share of its own.`,
    {
      final_share,
    },
  );
}

/**
 * The clock for a request, with defaults filled in.
 * @throws AppError SCHEDULE_INVALID
 */
export function resolveClock(request: ClockRequest): TrainingClock {
  return {
    totalSteps: request.total_steps,
    warmUpSteps: request.warm_up_steps ?? 0,
    finalSteps: request.final_steps ?? 0,
    minStageSteps: request.min_stage_steps ?? DEFAULT_MIN_STAGE_STEPS,
    finalShare: finalShareOf(request) ?? 0,
  };
}
