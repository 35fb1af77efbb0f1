import type { LoraModule } from '../adapter/adapter.ts';
import { formatPercent } from '../charts/format.ts';
import { type BudgetTarget, DEFAULT_CRITERION } from '../contract/target.ts';
import { moduleRelativeError } from '../core/by-module.ts';
import {
  allocateRanks,
  type BudgetModule,
  minRanks,
  parametersPerRank,
} from '../core/policy/allocate-ranks.ts';
import { AppError } from '../errors/app-error.ts';
import { dtypeBits } from '../safetensors/dtype.ts';
import type { RankLimits } from '../serving/rank-limits.ts';
import { largestRank, limitRank, permittedRanks } from './limit-rank.ts';
import { rankRange } from './rank-range.ts';

type Price = Pick<BudgetModule, 'costPerRank' | 'ranks'>;

/**
 * Ranks whose LoRA factors keep to the budget; tensors outside the factors do not count. Without `uniform`, each
 * module gets a rank by its spectrum and the criterion; with it, all get the largest rank that fits.
 * @param spectra of each module's ΔW including its scale: its complete spectrum, and the norm of the part that it
 *   leaves out
 * @throws AppError BUDGET_TOO_SMALL, naming the least possible budget
 */
export function budgetRanks(
  target: BudgetTarget,
  limits: RankLimits,
  modules: readonly LoraModule[],
  spectra: readonly Pick<BudgetModule, 'sigma' | 'restNorm'>[],
): { readonly ranks: number[]; readonly warnings: string[] } {
  const { budget, prices } = budgetAndPrices(target, limits, modules);
  const entries = prices.map((price, index): BudgetModule => ({ ...spectra[index]!, ...price }));
  if (!target.uniform) {
    const ranks = allocateRanks(entries, budget, target.criterion ?? DEFAULT_CRITERION);
    return { ranks, warnings: [] };
  }
  const ranks = largestUniform(entries, modules, limits, budget);
  return { ranks, warnings: uniformRankWarning(entries, ranks) };
}

/**
 * The cost of each module, for which no spectra are needed.
 * @throws AppError BUDGET_TOO_SMALL, naming the least possible budget
 */
export function budgetAndPrices(
  target: BudgetTarget,
  limits: RankLimits,
  modules: readonly LoraModule[],
): { readonly budget: number; readonly prices: readonly Price[] } {
  const [budget, unit] =
    'budget_bytes' in target ? [target.budget_bytes, 'bytes'] : [target.budget_parameters, 'parameters'];
  const prices = modules.map(
    (module): Price => ({
      costPerRank: unit === 'bytes' ? bytesPerRank(module, target.dtype ?? 'match') : module.m + module.n,
      ranks: permittedRanks(largestRank(module), limits),
    }),
  );
  const minimum = minRanks(prices);
  const leastCost = parametersPerRank(prices, minimum);
  if (leastCost > budget) {
    throw new AppError(
      'BUDGET_TOO_SMALL',
      `The budget of ${budget} ${unit} is too small: the ${modules.length} modules take at least ${leastCost} ` +
        `${unit}, at rank ${rankRange(minimum)}.`,
      { [`budget_${unit}`]: budget, [`least_${unit}`]: leastCost },
    );
  }
  return { budget, prices };
}

/** A smaller gain in error is not worth a warning. */
const MIN_GAIN = 0.001;

/**
 * A warning with the error that ranks by module of the same size would have, for servers that need one rank for all.
 */
function uniformRankWarning(entries: readonly BudgetModule[], uniform: readonly number[]): string[] {
  const unequal = allocateRanks(entries, parametersPerRank(entries, uniform), DEFAULT_CRITERION);
  const [one, each] = [uniform, unequal].map((ranks) => leastModuleError(entries, ranks)) as [number, number];
  return one - each < MIN_GAIN
    ? []
    : [
        `All modules have one rank. With "uniform": false and the same size, ranks by module (${rankRange(unequal)}) ` +
          `would have a mean module error of ${formatPercent(each)} instead of ${formatPercent(one)}, if the server can load ` +
          'them.',
      ];
}

/** The least possible module_relative_error at these ranks. */
function leastModuleError(entries: readonly BudgetModule[], ranks: readonly number[]): number {
  const energyFrom = ({ sigma, restNorm = 0 }: BudgetModule, rank: number): number => {
    let energy = restNorm ** 2;
    for (let i = sigma.length - 1; i >= rank; i--) energy += sigma[i]! ** 2;
    return energy;
  };
  return moduleRelativeError(
    entries.map((entry) => energyFrom(entry, 0)),
    entries.map((entry, index) => energyFrom(entry, ranks[index]!)),
  );
}

/** Bytes that one more rank takes: a row of A and a column of B, in the dtypes they are written in. */
function bytesPerRank({ a, b, m, n }: LoraModule, dtype: NonNullable<BudgetTarget['dtype']>): number {
  if (dtype !== 'match') return (m + n) * (dtype === 'float32' ? 4 : 2);
  return (n * dtypeBits(a.dtype)! + m * dtypeBits(b.dtype)!) / 8;
}

function largestUniform(
  entries: readonly BudgetModule[],
  modules: readonly LoraModule[],
  limits: RankLimits,
  budget: number,
): number[] {
  const ranksAt = (uniform: number): number[] =>
    modules.map(({ rank }) =>
      limitRank(uniform, rank, { ...limits, maxRank: Math.min(limits.maxRank, uniform) }),
    );
  const candidates = [...new Set(entries.flatMap(({ ranks }) => ranks))].sort((x, y) => y - x);
  const best = candidates.find((rank) => parametersPerRank(entries, ranksAt(rank)) <= budget);
  return best === undefined ? minRanks(entries) : ranksAt(best);
}
