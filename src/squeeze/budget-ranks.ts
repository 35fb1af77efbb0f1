import type { LoraModule } from '../adapter/adapter.ts';
import {
  type BudgetBytesTarget,
  type BudgetParametersTarget,
  DEFAULT_CRITERION,
} from '../contract/target.ts';
import { allocateRanks, type BudgetModule, costOf, leastRanks } from '../core/policy/allocate-ranks.ts';
import { AppError } from '../errors.ts';
import { bitsOf } from '../safetensors/dtype.ts';
import type { RankLimits } from '../serving/rank-limits.ts';
import { limitRank, permittedRanks } from './limit-rank.ts';
import { rankRange } from './rank-range.ts';

type BudgetTarget = BudgetBytesTarget | BudgetParametersTarget;

/**
 * Ranks whose LoRA factors keep to the budget; tensors outside the factors do not count. Without `uniform` each module
 * gets what its spectrum is worth by the criterion, with it all get the largest rank that fits.
 * @param spectra of each module's ΔW, the scale included: its complete spectrum, and the norm of what that leaves out
 * @throws AppError BUDGET_TOO_SMALL, naming the least budget there can be
 */
export function budgetRanks(
  target: BudgetTarget,
  limits: RankLimits,
  modules: readonly LoraModule[],
  spectra: readonly Pick<BudgetModule, 'sigma' | 'restNorm'>[],
): number[] {
  const [budget, unit] =
    'budget_bytes' in target ? [target.budget_bytes, 'bytes'] : [target.budget_parameters, 'parameters'];
  const entries = modules.map(
    (module, index): BudgetModule => ({
      ...spectra[index]!,
      costPerRank: unit === 'bytes' ? bytesPerRank(module, target.dtype ?? 'match') : module.m + module.n,
      ranks: permittedRanks(module.rank, limits),
    }),
  );
  const least = leastRanks(entries);
  const leastCost = costOf(entries, least);
  if (leastCost > budget) {
    throw new AppError(
      'BUDGET_TOO_SMALL',
      `The budget of ${budget} ${unit} is too small: the ${modules.length} modules take at least ${leastCost} ` +
        `${unit}, at rank ${rankRange(least)}.`,
      { [`budget_${unit}`]: budget, [`least_${unit}`]: leastCost },
    );
  }
  return target.uniform
    ? largestUniform(entries, modules, limits, budget)
    : allocateRanks(entries, budget, target.criterion ?? DEFAULT_CRITERION);
}

/** Bytes that one more rank takes: a row of A and a column of B, in the dtypes they are written in. */
function bytesPerRank({ a, b, m, n }: LoraModule, dtype: NonNullable<BudgetTarget['dtype']>): number {
  if (dtype !== 'match') return (m + n) * (dtype === 'float32' ? 4 : 2);
  return (n * bitsOf(a.dtype)! + m * bitsOf(b.dtype)!) / 8;
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
  const best = candidates.find((rank) => costOf(entries, ranksAt(rank)) <= budget);
  return best === undefined ? leastRanks(entries) : ranksAt(best);
}
