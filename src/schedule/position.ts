import type { Schedule, Stage } from '../contract/schedule.ts';

/**
 * The stage that training is in after `step` optimizer steps: begin_step ≤ step < end_step. At the step of a squeeze
 * that is the stage after it. The last stage also holds the end, step = total_steps.
 * @throws RangeError when the schedule has no such step
 */
export function stageAt({ stages }: Pick<Schedule, 'stages'>, step: number): Stage {
  const last = stages.at(-1)!;
  if (!Number.isInteger(step) || step < 0 || step > last.end_step) {
    throw new RangeError(`step ${step} is not one of the steps from 0 to ${last.end_step} of the schedule`);
  }
  return stages.find(({ end_step }) => step < end_step) ?? last;
}

/** The first step after `step` at which the schedule squeezes, null when there is none. */
export function nextSqueezeStep({ squeezes }: Pick<Schedule, 'squeezes'>, step: number): number | null {
  return squeezes.find((squeeze) => squeeze.step > step)?.step ?? null;
}
