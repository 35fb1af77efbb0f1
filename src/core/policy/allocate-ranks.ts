import { isDead, meanOf } from '../by-module.ts';
import { Heap } from './heap.ts';

/**
 * What a direction is worth. relative: its energy σ² divided by the energy of its module, so that modules of small updates
 * count like those of large ones. energy: σ² itself. (docs/error-and-loss.md has the experiment that chose the default.)
 */
export type Criterion = 'relative' | 'energy';

/** What a budget has to know of one module. */
export interface BudgetModule {
  /** Complete spectrum of ΔW with its scale, descending. */
  readonly sigma: ArrayLike<number>;
  /** ‖·‖_F of what the spectrum leaves out of ΔW, with its scale. */
  readonly restNorm?: number;
  /** Cost of one rank: m + n parameters, or their bytes. */
  readonly costPerRank: number;
  /** The ranks it may have, ascending, at least one. */
  readonly ranks: readonly number[];
}

/** From one permitted rank of a module to the next, and what that brings. */
export interface Step {
  readonly module: number;
  /** The rank it leads to. */
  readonly rank: number;
  readonly cost: number;
  /** Worth of the directions it adds, per unit of cost. */
  readonly density: number;
}

/** The cost of `ranks`. */
export function costOf(
  modules: readonly Pick<BudgetModule, 'costPerRank'>[],
  ranks: readonly number[],
): number {
  return modules.reduce((sum, { costPerRank }, index) => sum + costPerRank * ranks[index]!, 0);
}

/** The least ranks there can be: the first permitted of every module. */
export const leastRanks = (modules: readonly Pick<BudgetModule, 'ranks'>[]): number[] =>
  modules.map(({ ranks }) => ranks[0]!);

/**
 * Ranks for all modules together, at most `budget` in cost, that lose little by the criterion over all of them:
 * beginning with the least ranks, the steps that are worth most per cost are taken first, those that no longer fit are
 * passed over (the greedy algorithm for the knapsack problem, Dantzig 1957).
 *
 * With one cost per step for all modules no choice loses less. Otherwise the optimum keeps at most the worth of the
 * first step passed over more. A larger budget never loses more. Directions without energy are not bought, nor by the
 * relative criterion those of dead modules; a budget that pays for all ranks gives all. Equal steps: the earlier module
 * first.
 * @throws RangeError when the least ranks cost more than the budget
 */
export const allocateRanks = (
  modules: readonly BudgetModule[],
  budget: number,
  criterion: Criterion,
): number[] => ranksWithin(modules, stepsInOrder(modules, criterion), budget);

/**
 * All steps of all modules, the most valuable per cost first: any budget is spent in this order. Of equals the earlier
 * module comes first, and of each module the smaller rank.
 */
export function* stepsInOrder(modules: readonly BudgetModule[], criterion: Criterion): Generator<Step> {
  const worths = worthsOf(modules, criterion);
  // Each module waits with its next step only; later ones are never better, because σ descends.
  const waiting = new Heap<Step & { readonly position: number }>(
    (x, y) => x.density > y.density || (x.density === y.density && x.module < y.module),
  );
  const enqueue = (module: number, position: number, ceiling: number): void => {
    const entry = modules[module]!;
    const step = stepTo(entry, worths[module]!, position, ceiling);
    if (step) waiting.push({ module, position, rank: entry.ranks[position]!, ...step });
  };
  for (const module of modules.keys()) enqueue(module, 1, Number.POSITIVE_INFINITY);
  for (let step = waiting.pop(); step; step = waiting.pop()) {
    yield step;
    enqueue(step.module, step.position + 1, step.density);
  }
}

/** Ranks that are decided already, by the index of their module. They need not be among those it may have. */
export type PinnedRanks = ReadonlyMap<number, number>;

const NO_PINS: PinnedRanks = new Map();

/**
 * What a budget buys (see `allocateRanks`). Pinned modules have their ranks, which count towards the budget; the others
 * share what is left as they would without them.
 * @param steps of these modules, in their order
 * @throws RangeError when the pinned and the least ranks cost more than the budget
 */
export function ranksWithin(
  modules: readonly BudgetModule[],
  steps: Iterable<Step>,
  budget: number,
  pins = NO_PINS,
): number[] {
  const all = modules.map(({ ranks }, module) => pins.get(module) ?? ranks.at(-1)!);
  if (costOf(modules, all) <= budget) return all;
  const result = leastRanks(modules).map((least, module) => pins.get(module) ?? least);
  let left = budget - costOf(modules, result);
  if (left < 0) throw new RangeError('the budget does not pay for the least ranks');
  const isDone = modules.map((_, module) => pins.has(module));
  for (const { module, rank, cost } of steps) {
    if (isDone[module]) continue;
    // What builds on a step passed over is passed over too.
    if (cost > left) isDone[module] = true;
    else {
      left -= cost;
      result[module] = rank;
    }
  }
  return result;
}

/** A direction of a module is worth weight · (σ / unit)². */
interface Worth {
  readonly unit: number;
  readonly weight: number;
}

/** All relative to the largest σ of the adapter, or of the module, so that no square leaves the range of numbers. */
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
  // Rounding must not make a step better than the one it builds on: ties fall to the earlier module.
  return { cost, density: Math.min(ceiling, worth / cost) };
}
