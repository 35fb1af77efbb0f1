import type { LoraModule } from '../adapter/adapter.ts';
import type { Target } from '../contract/target.ts';
import { energyRank } from '../core/policy/energy-rank.ts';
import type { Decomposition } from '../engine/kernels.ts';

/**
 * The rank of every module under one target; never above the module's own.
 * @param decompositions with the complete spectrum where the target speaks of energy
 */
export function selectRanks(
  target: Target,
  modules: readonly LoraModule[],
  decompositions: readonly Decomposition[],
): number[] {
  if ('rank' in target) return modules.map(({ rank }) => Math.min(rank, target.rank));
  const wanted = modules.map(({ rank }, index) =>
    Math.min(rank, energyRank(decompositions[index]!.sigma, target.energy)),
  );
  if (target.uniform === false) return wanted;
  const largest = Math.max(...wanted);
  return modules.map(({ rank }) => Math.min(rank, largest));
}
