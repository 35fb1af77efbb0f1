/** What a budget has to know of one module. */
export interface BudgetModule {
  /** Complete spectrum of ΔW with its scale, descending. */
  readonly sigma: ArrayLike<number>;
  /** Cost of one rank: m + n parameters, or their bytes. */
  readonly costPerRank: number;
  /** The ranks it may have, ascending, at least one. */
  readonly ranks: readonly number[];
}

/** The next permitted rank of a module after the one before, and what it brings. */
interface Step {
  readonly module: number;
  readonly rank: number;
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

  const steps = stepsOf(modules);
  // Steps stand in the order of modules and ranks, and sort() is stable: ties keep that order.
  steps.sort((x, y) => y.density - x.density);
  // A step costs as much as any later one of its module where ranks are dense; with gaps it may cost more, and then
  // the later must wait for it too.
  const isBlocked = new Uint8Array(modules.length);
  for (const { module, rank, cost } of steps) {
    if (isBlocked[module]) continue;
    if (cost > left) {
      isBlocked[module] = 1;
      continue;
    }
    left -= cost;
    result[module] = rank;
  }
  return result;
}

function stepsOf(modules: readonly BudgetModule[]): Step[] {
  const unit = Math.max(...modules.map(({ sigma }) => sigma[0] ?? 0));
  if (!(unit > 0)) return [];
  return modules.flatMap(({ sigma, costPerRank, ranks }, module) => {
    const steps: Step[] = [];
    for (let i = 1, previous = Number.POSITIVE_INFINITY; i < ranks.length; i++) {
      const added = ranks[i]! - ranks[i - 1]!;
      let energy = 0;
      for (let j = ranks[i - 1]!; j < ranks[i]!; j++) energy += ((sigma[j] ?? 0) / unit) ** 2;
      if (energy === 0) break;
      const cost = added * costPerRank;
      // A mean over later, smaller σ² is never larger; rounding must not put a step before the one it builds on.
      const density = Math.min(previous, energy / cost);
      steps.push({ module, rank: ranks[i]!, cost, density });
      previous = density;
    }
    return steps;
  });
}
