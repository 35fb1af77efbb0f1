import type { ScheduleRequest } from '../contract/schedule.ts';
import { AppError } from '../errors/app-error.ts';
import { counted } from '../errors/counted.ts';
import type { TrainingClock } from './clock.ts';
import { scheduleInvalid } from './schedule-invalid.ts';

/** The fields that determine the lengths of stages if the squeeze steps are not given. */
const LENGTHS = [
  'recipe',
  'final_share',
  'warm_up_steps',
  'final_steps',
  'min_stage_steps',
  'stage_lengths',
] as const;

/** How the steps are divided among the stages. */
export type LengthRule = 'equal' | 'rank_proportional';

export interface StageLengths {
  /** A whole number for every stage. */
  readonly steps: number[];
  /** Indices of the stages that are as long as their minimum because their share would be less. */
  readonly atFloor: number[];
}

/**
 * The minimum length of each of `stages` stages: the warm-up steps for the first one; for the last one the final
 * steps and, after a squeeze, the target's share.
 */
export function minSteps(
  stages: number,
  { totalSteps, warmUpSteps, finalSteps, minStageSteps, finalShare }: TrainingClock,
): number[] {
  const lastSteps = Math.max(finalSteps, stages > 1 ? Math.ceil(finalShare * totalSteps) : 0);
  return Array.from({ length: stages }, (_, index) =>
    Math.max(minStageSteps, index === 0 ? warmUpSteps : 0, index === stages - 1 ? lastSteps : 0),
  );
}

/**
 * The number of steps that a training with this many stages needs at least. The minimum of the last stage grows with
 * this number, because it is a share of it.
 */
export function neededSteps(stages: number, clock: TrainingClock): number {
  const floors = minSteps(stages, { ...clock, finalShare: 0 });
  const earlier = floors.slice(0, -1).reduce((total, steps) => total + steps, 0);
  const needed = earlier + floors.at(-1)!;
  if (stages === 1) return needed;
  const { finalShare } = clock;
  let shared = Math.floor(earlier / (1 - finalShare));
  while (shared - Math.ceil(finalShare * shared) < earlier) shared++;
  return Math.max(needed, shared);
}

/**
 * Returns the ranks if there are enough steps for a stage at each of them.
 * @param asked requested number of stages, which rounding may have reduced
 * @throws AppError SCHEDULE_TOO_SHORT with the number of steps needed and the number there are
 */
export function fittingRanks(ranks: number[], clock: TrainingClock, requested = ranks.length): number[] {
  const needed = neededSteps(ranks.length, clock);
  const { totalSteps, warmUpSteps, finalSteps, minStageSteps, finalShare } = clock;
  if (needed <= totalSteps) return ranks;
  const rounded =
    requested === ranks.length
      ? ''
      : ` (${requested} requested; after rounding to whole ranks, the others would repeat a rank)`;
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

/**
 * Lengths of the stages in whole steps, which add up to `totalSteps`. A stage whose share is below its minimum gets
 * the minimum, and the others share the rest. Steps left over by rounding down go to the stages with the largest
 * remainders, one step each, earlier stages first.
 * @param ranks of the stages
 * @param floors minimum steps of the stages, together at most totalSteps
 */
export function stageLengths(
  ranks: readonly number[],
  rule: LengthRule,
  floors: readonly number[],
  totalSteps: number,
): StageLengths {
  const weights = ranks.map((rank) => (rule === 'equal' ? 1 : rank));
  let sharing = [...ranks.keys()];
  for (;;) {
    const steps = totalSteps - sum(floors.filter((_, index) => !sharing.includes(index)));
    const weight = sum(sharing.map((index) => weights[index]!));
    // All products are integers below 2^53 (1e9 steps · 64 stages · rank 65536), so nothing is rounded here.
    const kept = sharing.filter((index) => steps * weights[index]! >= floors[index]! * weight);
    if (kept.length === sharing.length) {
      const shares = shareOut(steps, sharing, weights, weight);
      return {
        steps: floors.map((floor, index) => shares.get(index) ?? floor),
        atFloor: [...ranks.keys()].filter((index) => !shares.has(index)),
      };
    }
    sharing = kept;
  }
}

/**
 * The same as `stageLengths`, except that no earlier stage is longer than the last one unless its own minimum
 * requires it. The last stage gets only as many additional steps as that takes.
 */
export function stageLengthsToLast(
  ranks: readonly number[],
  rule: LengthRule,
  floors: readonly number[],
  totalSteps: number,
): StageLengths {
  const last = ranks.length - 1;
  const withLast = (steps: number): StageLengths =>
    stageLengths(ranks, rule, [...floors.slice(0, last), steps], totalSteps);
  const isLongest = ({ steps }: StageLengths): boolean =>
    steps.every((stage, index) => stage <= Math.max(steps[last]!, floors[index]!));
  let low = floors[last]!;
  let high = totalSteps - sum(floors.slice(0, last));
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isLongest(withLast(middle))) high = middle;
    else low = middle + 1;
  }
  return withLast(low);
}

/** Divides `steps` into whole shares in proportion to the weights, by the largest-remainder method. */
function shareOut(
  steps: number,
  sharing: readonly number[],
  weights: readonly number[],
  weight: number,
): Map<number, number> {
  const shares = new Map(
    sharing.map((index) => [index, Math.floor((steps * weights[index]!) / weight)] as const),
  );
  const remainder = (index: number): number => (steps * weights[index]!) % weight;
  const left = steps - sum([...shares.values()]);
  const first = [...sharing].sort((x, y) => remainder(y) - remainder(x) || x - y).slice(0, left);
  for (const index of first) shares.set(index, shares.get(index)! + 1);
  return shares;
}

/**
 * The lengths of stages between squeezes at given steps.
 * @param stages number of ranks
 * @throws AppError SCHEDULE_INVALID if the squeeze steps do not rise within the training, are not exactly one fewer
 *   than the stages, or are combined with another field that determines lengths
 */
export function namedLengths(request: ScheduleRequest, stages: number): number[] {
  const { squeeze_steps = [], total_steps } = request;
  const other = LENGTHS.find((field) => request[field] !== undefined);
  if (other !== undefined)
    throw scheduleInvalid(
      `squeeze_steps decides how long stages last, so ${other} cannot be combined with it.`,
      { field: other },
    );
  if (squeeze_steps.length !== stages - 1) {
    throw scheduleInvalid(
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
      throw scheduleInvalid(
        `squeeze_steps[${index}] is ${step} but must be ${index === 0 ? 'at least 1' : `above the previous step (${before})`} ` +
          `and below total_steps (${total_steps}).`,
        { step, total_steps },
      );
    }
  }
  return limits.slice(1).map((end, index) => end - limits[index]!);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
