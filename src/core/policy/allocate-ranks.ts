import { isDead, meanOf } from '../by-module.ts';

/**
 * The value of a direction. relative: its energy σ² divided by the energy of its module, so that modules with small
 * updates count like those with large ones. energy: σ² itself. (docs/error-and-loss.md has the experiment that chose
 * the default.)
 */
export type Criterion = 'relative' | 'energy';

/** The facts about one module that a budget needs. */
export interface BudgetModule {
  /** Complete spectrum of ΔW with its scale, descending. */
  readonly sigma: ArrayLike<number>;
  /** ‖·‖_F of the part of ΔW that the spectrum leaves out, with its scale. */
  readonly restNorm?: number;
  /** Cost of one rank: m + n parameters, or their bytes. */
  readonly costPerRank: number;
  /** The ranks that it may have, ascending; at least one. */
  readonly ranks: readonly number[];
}

/** A step from one permitted rank of a module to the next, with its cost and its gain. */
export interface Step {
  readonly module: number;
  /** The rank it leads to. */
  readonly rank: number;
  readonly cost: number;
  /** The value of the directions that it adds, per unit of cost. */
  readonly density: number;
}

/** The cost of `ranks`. */
export function parametersPerRank(
  modules: readonly Pick<BudgetModule, 'costPerRank'>[],
  ranks: readonly number[],
): number {
  return modules.reduce((sum, { costPerRank }, index) => sum + costPerRank * ranks[index]!, 0);
}

/** The smallest permitted rank of every module. */
export const minRanks = (modules: readonly Pick<BudgetModule, 'ranks'>[]): number[] =>
  modules.map(({ ranks }) => ranks[0]!);

/**
 * Ranks for all modules together, with a cost of at most `budget`, that lose little by the criterion: starting from
 * the smallest ranks, the steps with the highest value per cost are taken first, and those that no longer fit are
 * skipped (the greedy algorithm for the knapsack problem, Dantzig 1957).
 *
 * If all steps have the same cost, no choice loses less. Otherwise the optimum keeps more by at most the value of
 * the first skipped step. A larger budget never loses more. Directions without energy are not bought, nor, by the
 * relative criterion, those of dead modules; a budget that pays for all ranks gives all of them. Of equal steps, the
 * one of the earlier module comes first.
 * @throws RangeError if the smallest ranks cost more than the budget
 */
export const allocateRanks = (
  modules: readonly BudgetModule[],
  budget: number,
  criterion: Criterion,
): number[] => ranksWithin(modules, stepsInOrder(modules, criterion), budget);

/**
 * All steps of all modules, those with the highest value per cost first; any budget is spent in this order. Of equal
 * steps, the one of the earlier module comes first, and within a module the smaller rank.
 */
export function stepsInOrder(modules: readonly BudgetModule[], criterion: Criterion): Step[] {
  const worths = worthsOf(modules, criterion);
  const steps: Step[] = [];
  for (const [module, entry] of modules.entries()) {
    // Within a module, later steps are never better, because σ descends.
    let ceiling = Number.POSITIVE_INFINITY;
    for (let position = 1; position < entry.ranks.length; position++) {
      const step = stepTo(entry, worths[module]!, position, ceiling);
      if (!step) break;
      steps.push({ module, rank: entry.ranks[position]!, ...step });
      ceiling = step.density;
    }
  }
  return byDensity(steps);
}

/**
 * Sorts in descending order and keeps the order of equal entries. Sorting plain numbers is several times faster than
 * comparing objects.
 */
function byDensity(steps: readonly Step[]): Step[] {
  const densities = new Float64Array(steps.length);
  for (let i = 0; i < steps.length; i++) densities[i] = -steps[i]!.density;
  densities.sort();
  const taken = new Uint32Array(steps.length);
  const sorted = new Array<Step>(steps.length);
  for (const step of steps) {
    const first = firstNotBelow(densities, -step.density);
    sorted[first + taken[first]!++] = step;
  }
  return sorted;
}

/** Index of the first number that is not less than the given one. @param ascending must contain such a number */
function firstNotBelow(ascending: Float64Array, number: number): number {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Ranks that are already decided, by the index of their module. They need not be among its permitted ranks. */
export type PinnedRanks = ReadonlyMap<number, number>;

const NO_PINS: PinnedRanks = new Map();

/**
 * The ranks that a budget buys (see `allocateRanks`). Pinned modules have their ranks, which count towards the
 * budget; the others share the rest in the usual way.
 * @param steps of these modules, in their order
 * @throws RangeError if the pinned and the smallest ranks cost more than the budget
 */
export function ranksWithin(
  modules: readonly BudgetModule[],
  steps: Iterable<Step>,
  budget: number,
  pins = NO_PINS,
): number[] {
  const all = modules.map(({ ranks }, module) => pins.get(module) ?? ranks.at(-1)!);
  if (parametersPerRank(modules, all) <= budget) return all;
  const result = minRanks(modules).map((minimum, module) => pins.get(module) ?? minimum);
  let left = budget - parametersPerRank(modules, result);
  if (left < 0) throw new RangeError('the budget is too small for the smallest allowed ranks');
  const isDone = modules.map((_, module) => pins.has(module));
  for (const { module, rank, cost } of steps) {
    if (isDone[module]) continue;
    // After a skipped step, the later steps of its module are skipped too.
    if (cost > left) isDone[module] = true;
    else {
      left -= cost;
      result[module] = rank;
    }
  }
  return result;
}

/** The value of a direction of a module is weight · (σ / unit)². */
interface Worth {
  readonly unit: number;
  readonly weight: number;
}

/**
 * All values are relative to the largest σ of the adapter, or of the module, so that no square overflows or
 * underflows.
 */
function worthsOf(modules: readonly BudgetModule[], criterion: Criterion): Worth[] {
  const firsts = modules.map(({ sigma }) => sigma[0] ?? 0);
  const largest = firsts.reduce((x, y) => Math.max(x, y), 0);
  if (criterion === 'energy') return firsts.map(() => ({ unit: largest, weight: 1 }));
  const own = modules.map((module, index) => energyInUnits(module, firsts[index]!));
  const energies = own.map((energy, index) => energy * (firsts[index]! / largest) ** 2);
  const mean = meanOf(energies);
  return firsts.map((unit, index) => ({
    unit,
    // σ² / E with σ = unit · σ′ and E = unit² · E′.
    weight: isDead(energies[index]!, mean) ? 0 : 1 / own[index]!,
  }));
}

/** ‖ΔW‖² of a module in units of unit². */
function energyInUnits({ sigma, restNorm = 0 }: BudgetModule, unit: number): number {
  if (unit === 0) return 0;
  let energy = (restNorm / unit) ** 2;
  for (let i = 0; i < sigma.length; i++) energy += (sigma[i]! / unit) ** 2;
  return energy;
}

function stepTo(
  { sigma, costPerRank, ranks }: BudgetModule,
  { unit, weight }: Worth,
  position: number,
  ceiling: number,
): Pick<Step, 'cost' | 'density'> | undefined {
  const [from, to] = [ranks[position - 1]!, ranks[position]];
  if (to === undefined || unit === 0) return undefined;
  let energy = 0;
  for (let i = from; i < to; i++) energy += ((sigma[i] ?? 0) / unit) ** 2;
  const worth = weight * energy;
  if (worth === 0) return undefined;
  const cost = (to - from) * costPerRank;
  // Rounding must not make a step better than the one before it: ties are decided by the order of the modules.
  return { cost, density: Math.min(ceiling, worth / cost) };
}
