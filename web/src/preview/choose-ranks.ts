import type { ServingProfile } from '../../../src/contract/serving.ts';
import { DEFAULT_CRITERION, type Target } from '../../../src/contract/target.ts';
import { allocateRanks, costOf, leastRanks } from '../../../src/core/policy/allocate-ranks.ts';
import { cumulativeRank } from '../../../src/core/policy/cumulative-rank.ts';
import { energyRank } from '../../../src/core/policy/energy-rank.ts';
import { kneeRank } from '../../../src/core/policy/knee-rank.ts';
import { ratioRank } from '../../../src/core/policy/ratio-rank.ts';
import { toleranceRank } from '../../../src/core/policy/tolerance-rank.ts';
import { combine } from '../../../src/serving/apply-profile.ts';
import { NO_LIMITS, type RankLimits } from '../../../src/serving/rank-limits.ts';
import { limitRank, permittedRanks } from '../../../src/squeeze/limit-rank.ts';
import type { Analyzed } from './preview.ts';

/**
 * The ranks that the service would choose for a target: its own policies and its own rules of profiles, on the spectra
 * of the analysis. Experts that have to share a rank are not evened out here.
 * @returns null where that cannot be told before the job
 * @throws Error in the service's words, where the target asks for what the profile cannot load or what is too little
 */
export function chooseRanks(
  asked: Target,
  profile: ServingProfile | null,
  analyzed: Analyzed,
): number[] | null {
  const { target, limits } = profile
    ? combine(asked, profile)
    : {
        target: asked,
        limits: { ...NO_LIMITS, minRank: asked.min_rank ?? 1, maxRank: asked.max_rank ?? NO_LIMITS.maxRank },
      };
  const { modules } = analyzed;
  if ('rank_pattern' in target) return null;
  if ('budget_bytes' in target || 'budget_parameters' in target) return budgetRanks(target, limits, analyzed);
  const wanted = modules.map(({ singular_values: sigma }) => policyRank(target, sigma));
  const largest = wanted.reduce((most, rank) => Math.max(most, rank), 1);
  const isUniform = 'rank' in target || (target.uniform ?? true);
  return modules.map(({ rank }, index) => limitRank(isUniform ? largest : wanted[index]!, rank, limits));
}

function policyRank(target: Target, sigma: readonly number[]): number {
  if ('rank' in target) return target.rank;
  if ('energy' in target) return energyRank(sigma, target.energy);
  if ('tolerance' in target) return toleranceRank(sigma, target.tolerance);
  if ('ratio' in target) return ratioRank(sigma, target.ratio);
  if ('cumulative' in target) return cumulativeRank(sigma, target.cumulative);
  if ('knee' in target) return kneeRank(sigma);
  // A profile or a format alone asks for all there is.
  return Number.MAX_SAFE_INTEGER;
}

type BudgetTarget = Extract<Target, { budget_bytes: number } | { budget_parameters: number }>;

function budgetRanks(
  target: BudgetTarget,
  limits: RankLimits,
  { modules, bytesPerParameter }: Analyzed,
): number[] {
  const isBytes = 'budget_bytes' in target;
  const budget = isBytes ? target.budget_bytes : target.budget_parameters;
  const entries = modules.map(({ singular_values: sigma, shape: [m, n], rank }) => ({
    sigma,
    costPerRank: (m + n) * (isBytes ? bytesPerParameter : 1),
    ranks: permittedRanks(rank, limits),
  }));
  const least = costOf(entries, leastRanks(entries));
  if (least > budget)
    throw new Error(
      `The budget is too small: the ${modules.length} modules take at least ${Math.ceil(least)} ${isBytes ? 'bytes' : 'parameters'}.`,
    );
  if (!target.uniform) return allocateRanks(entries, budget, target.criterion ?? DEFAULT_CRITERION);
  const ranksAt = (rank: number) =>
    modules.map((module) =>
      limitRank(rank, module.rank, { ...limits, maxRank: Math.min(limits.maxRank, rank) }),
    );
  const candidates = [...new Set(entries.flatMap(({ ranks }) => ranks))].sort((x, y) => y - x);
  const best = candidates.find((rank) => costOf(entries, ranksAt(rank)) <= budget);
  return best === undefined ? leastRanks(entries) : ranksAt(best);
}
