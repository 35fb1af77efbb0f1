import type { LoraModule } from '../../adapter/adapter.ts';
import type { ModulesOfRank } from './run-manifest.ts';

/** The modules by their rank, ascending. */
export function modulesByRank(modules: readonly Pick<LoraModule, 'rank' | 'm' | 'n'>[]): ModulesOfRank[] {
  const sizes = new Map<number, number>();
  for (const { rank, m, n } of modules) sizes.set(rank, (sizes.get(rank) ?? 0) + m + n);
  return [...sizes]
    .sort(([x], [y]) => x - y)
    .map(([rank, parameters_per_rank]) => ({ rank, parameters_per_rank }));
}

/** The parameters of the factors where every module has that rank, or its own where that is smaller. */
export const parametersAt = (modules: readonly ModulesOfRank[], uniformRank: number): number =>
  modules.reduce(
    (sum, { rank, parameters_per_rank }) => sum + Math.min(rank, uniformRank) * parameters_per_rank,
    0,
  );

/** The rank at which all modules alike have so many parameters: the mean of their ranks, weighted by size. */
export const meanRank = (modules: readonly ModulesOfRank[], parameters: number): number =>
  parameters / modules.reduce((sum, { parameters_per_rank }) => sum + parameters_per_rank, 0);
