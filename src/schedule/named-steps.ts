import type { ScheduleRequest } from '../contract/schedule.ts';
import { invalid } from './invalid.ts';

/** What decides how long stages last where the steps are not named. */
const LENGTHS = [
  'recipe',
  'final_share',
  'warm_up_steps',
  'final_steps',
  'min_stage_steps',
  'stage_lengths',
] as const;

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/**
 * The lengths of stages between squeezes at named steps.
 * @param stages as many as the ranks
 * @throws AppError SCHEDULE_INVALID when the steps do not rise within the training, are not one fewer than the stages, or
 * something else also says how long stages last
 */
export function namedLengths(request: ScheduleRequest, stages: number): number[] {
  const { squeeze_steps = [], total_steps } = request;
  const other = LENGTHS.find((field) => request[field] !== undefined);
  if (other !== undefined)
    throw invalid(`squeeze_steps says how long stages last, so ${other} cannot.`, { field: other });
  if (squeeze_steps.length !== stages - 1) {
    throw invalid(
      `squeeze_steps names ${counted(squeeze_steps.length, 'step')}, but ` +
        `${counted(stages, 'stage')} from rank ${request.source_rank} to rank ${request.target_rank} take ` +
        `${counted(stages - 1, 'squeeze')}.`,
      { squeeze_steps: squeeze_steps.length, stages },
    );
  }
  const limits = [0, ...squeeze_steps, total_steps];
  for (const [index, step] of squeeze_steps.entries()) {
    const before = limits[index]!;
    if (step <= before || step >= total_steps) {
      throw invalid(
        `squeeze_steps[${index}] is ${step} but must be ${index === 0 ? 'at least 1' : `above the one before it, ${before}`} ` +
          `and below total_steps, ${total_steps}.`,
        { step, total_steps },
      );
    }
  }
  return limits.slice(1).map((end, index) => end - limits[index]!);
}
