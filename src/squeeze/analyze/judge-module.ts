import type { ModuleAnalysis } from '../../contract/analysis.ts';
import { isDead } from '../../core/by-module.ts';
import { energyRank } from '../../core/policy/energy-rank.ts';
import { kneeRank } from '../../core/policy/knee-rank.ts';
import { effectiveRank, stableRank } from '../../core/spectrum.ts';
import type { AnalyzedModule } from './analyzed-module.ts';

/**
 * A module resists when keeping this share of its energy (31.6 % relative error) …
 */
export const RESISTS_ENERGY = 0.9;
/** … takes more than this share of its rank: squeezing it saves little or loses much. */
export const RESISTS_RANK_SHARE = 0.75;

/** @param meanEnergy mean of ‖ΔW‖² over the modules of the adapter */
export function judgeModule(module: AnalyzedModule, meanEnergy: number): ModuleAnalysis {
  const { name, sigma, rank, rest } = module;
  return {
    name,
    effective_rank: effectiveRank(sigma),
    stable_rank: stableRank(sigma, rest.energy),
    knee: kneeRank(sigma, rest),
    verdict: verdict(),
  };

  function verdict(): ModuleAnalysis['verdict'] {
    if (isDead(module.lost[0]!, meanEnergy)) return 'dead';
    return energyRank(sigma, RESISTS_ENERGY, rest.energy) > RESISTS_RANK_SHARE * rank
      ? 'resists'
      : 'compressible';
  }
}
