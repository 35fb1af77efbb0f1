import type { Schedule, Stage } from '../contract/schedule.ts';

/**
 * The stage in which training is after `step` optimizer steps: begin_step ≤ step < end_step. The step of a squeeze
 * belongs to the stage that follows. The end of the training, step = total_steps, belongs to the last stage.
 * @throws RangeError if the schedule has no such step
 */
export function stageAt({ stages }: Pick<Schedule, 'stages'>, step: number): Stage {
  const last = stages.at(-1)!;
  if (!Number.isInteger(step) || step < 0 || step > last.end_step) {
    throw new RangeError(`step ${step} is not one of the steps from 0 to ${last.end_step} of the schedule`);
  }
  return stages.find(({ end_step }) => step < end_step) ?? last;
}
