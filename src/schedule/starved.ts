import type { LearningRatePlan, StageSteps } from './learning-rate.ts';

/** A last stage with less of Σ(learning rate × steps) has hardly been trained at the rank that is served. */
const STARVED_SHARE = 0.15;

/** A note where the last of several stages gets too little of Σ(learning rate × steps), with what to do. */
export function starvedNotes(
  stages: readonly StageSteps[],
  { schedule, stages: rates }: LearningRatePlan,
): string[] {
  const { rank, begin_step, end_step } = stages.at(-1)!;
  const { share } = rates.at(-1)!;
  if (stages.length === 1 || share >= STARVED_SHARE) return [];
  const remedy =
    schedule === 'recommended'
      ? 'Give it more steps'
      : `Its ${schedule} schedule has decayed by then: follow the recommended one, or give the last stage more steps`;
  return [
    `Rank ${Number(rank.toFixed(2))} is trained for ${end_step - begin_step} steps and gets ${(100 * share).toFixed(1)} % of ` +
      `Σ(learning rate × steps), so the adapter is hardly trained at the rank it is served at. ${remedy}.`,
  ];
}
