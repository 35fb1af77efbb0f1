import { Heap } from './heap.ts';

/** What a budget has to know of one module. */
export interface BudgetModule {
  /** Complete spectrum of ΔW with its scale, descending. */
  readonly sigma: ArrayLike<number>;
  /** Cost of one rank: m + n parameters, or their bytes. */
  readonly costPerRank: number;
  /** The ranks it may have, ascending, at least one. */
  readonly ranks: readonly number[];
}

/** From one permitted rank of a module to the next, and what that brings. */
interface Step {
  readonly module: number;
  /** Index in `ranks` of the rank it leads to. */
  readonly position: number;
  readonly cost: number;
  /** Σσ² of the directions it adds, per unit of cost, relative to the largest σ² of all. */
  readonly density: number;
}

/** The cost of `ranks`. */
export function costOf(modules: readonly BudgetModule[], ranks: readonly number[]): number {
  return modules.reduce((sum, { costPerRank }, index) => sum + costPerRank * ranks[index]!, 0);
}

/** The least ranks there can be: the first permitted of every module. */
export const leastRanks = (modules: readonly BudgetModule[]): number[] =>
  modules.map(({ ranks }) => ranks[0]!);

/**
 * Ranks for all modules together, at most `budget` in cost, that lose little of Σσ² over all of them: beginning with
 * the least ranks, the steps that keep the most energy per cost are taken first, those that no longer fit are passed
 * over (the greedy algorithm for the knapsack problem, Dantzig 1957).
 *
 * With one cost per step for all modules no choice loses less. Otherwise the optimum keeps at most the energy of the
 * first step passed over more. A larger budget never loses more. Directions without energy are not bought; a budget
 * that pays for all ranks gives all. Equal steps: the earlier module first.
 * @throws RangeError when the least ranks cost more than the budget
 */
export function allocateRanks(modules: readonly BudgetModule[], budget: number): number[] {
  const all = modules.map(({ ranks }) => ranks.at(-1)!);
  if (costOf(modules, all) <= budget) return all;
  const result = leastRanks(modules);
  let left = budget - costOf(modules, result);
  if (left < 0) throw new RangeError('the budget does not pay for the least ranks');

  const unit = modules.reduce((largest, { sigma }) => Math.max(largest, sigma[0] ?? 0), 0);
  // Each module waits with its next step only; later ones are never better, because σ descends.
  const waiting = new Heap<Step>(
    (x, y) => x.density > y.density || (x.density === y.density && x.module < y.module),
  );
  const enqueue = (module: number, position: number, ceiling: number): void => {
    const step = stepTo(modules[module]!, position, unit, ceiling);
    if (step) waiting.push({ module, position, ...step });
  };
  for (const module of modules.keys()) enqueue(module, 1, Number.POSITIVE_INFINITY);
  for (let step = waiting.pop(); step; step = waiting.pop()) {
    // What builds on a step passed over is passed over too.
    if (step.cost > left) continue;
    left -= step.cost;
    result[step.module] = modules[step.module]!.ranks[step.position]!;
    enqueue(step.module, step.position + 1, step.density);
  }
  return result;
}

function stepTo(
  { sigma, costPerRank, ranks }: BudgetModule,
  position: number,
  unit: number,
  ceiling: number,
): Pick<Step, 'cost' | 'density'> | undefined {
  const [from, to] = [ranks[position - 1]!, ranks[position]];
  if (to === undefined || unit === 0) return undefined;
  let energy = 0;
  for (let i = from; i < to; i++) energy += ((sigma[i] ?? 0) / unit) ** 2;
  if (energy === 0) return undefined;
  const cost = (to - from) * costPerRank;
  // Rounding must not make a step better than the one it builds on: ties fall to the earlier module.
  return { cost, density: Math.min(ceiling, energy / cost) };
}
