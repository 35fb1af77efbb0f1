import type { ScheduleRequest } from '../contract/schedule.ts';

/** How long training lasts, and how long its stages have to last at least. All in optimizer steps. */
export interface Clock {
  readonly totalSteps: number;
  readonly warmUpSteps: number;
  readonly finalSteps: number;
  readonly minStageSteps: number;
}

/** The shortest stage of the LoRA-Squeeze paper (arXiv 2602.10993). */
export const DEFAULT_MIN_STAGE_STEPS = 200;

type ClockRequest = Pick<
  ScheduleRequest,
  'total_steps' | 'warm_up_steps' | 'final_steps' | 'min_stage_steps'
>;

/** The clock of a request, with its defaults. */
export function clockOf(request: ClockRequest): Clock {
  return {
    totalSteps: request.total_steps,
    warmUpSteps: request.warm_up_steps ?? 0,
    finalSteps: request.final_steps ?? 0,
    minStageSteps: request.min_stage_steps ?? DEFAULT_MIN_STAGE_STEPS,
  };
}
