import type { Clock } from './clock.ts';

/** How steps are shared out over the stages. */
export type LengthRule = 'equal' | 'rank_proportional';

export interface StageLengths {
  /** Of every stage, whole numbers. */
  readonly steps: number[];
  /** The stages whose share would be below their floor, by index. */
  readonly atFloor: number[];
}

/**
 * The least steps of each of `stages` stages: warm-up steps are a floor of the first; final steps, and after a squeeze the
 * target's share, of the last.
 */
export function leastSteps(
  stages: number,
  { totalSteps, warmUpSteps, finalSteps, minStageSteps, finalShare }: Clock,
): number[] {
  const lastSteps = Math.max(finalSteps, stages > 1 ? Math.ceil(finalShare * totalSteps) : 0);
  return Array.from({ length: stages }, (_, index) =>
    Math.max(minStageSteps, index === 0 ? warmUpSteps : 0, index === stages - 1 ? lastSteps : 0),
  );
}

/**
 * Steps of the stages, whole, `totalSteps` together. A stage whose share would be below its floor lasts as long as
 * the floor says, and the others share the rest. What is left by rounding down goes to the largest remainders, the
 * earlier stage first, one step each.
 * @param ranks of the stages
 * @param floors least steps of the stages, at most totalSteps together
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
    // All products are integers below 2^53 (1e9 steps · 64 stages · rank 65536), so nothing here is rounded.
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
 * As `stageLengths`, and no earlier stage is longer than the last, unless its own floor is: the last one gets as many steps
 * as that takes, and no more.
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

/** Whole shares of `steps` in proportion to the weights, by the largest remainder. */
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

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
