import type { ServingProfile } from '../../../src/contract/serving.ts';
import type { Target } from '../../../src/contract/target.ts';
import { cumulativeRank } from '../../../src/core/policy/cumulative-rank.ts';
import { energyRank } from '../../../src/core/policy/energy-rank.ts';
import { kneeRank } from '../../../src/core/policy/knee-rank.ts';
import { kohyaRank } from '../../../src/core/policy/kohya-rank.ts';
import { ratioRank } from '../../../src/core/policy/ratio-rank.ts';
import { toleranceRank } from '../../../src/core/policy/tolerance-rank.ts';
import { applyGivenProfile } from '../../../src/serving/apply-profile.ts';
import { NO_LIMITS } from '../../../src/serving/rank-limits.ts';
import { limitRank } from '../../../src/squeeze/limit-rank.ts';
import { missedPromise } from '../../../src/squeeze/missed-promise.ts';
import { FIELD_LABELS } from '../text/field-labels.ts';
import type { AnalyzedAdapter } from './preview.ts';

/**
 * The ranks that the service would choose for a target with one rank or with a policy that looks at each
 * spectrum. Applies the service's own policies and profile rules to the spectra of the analysis. Does not
 * equalise the ranks of experts that must share one.
 * @returns also a sentence if the limits on the ranks keep modules from what the target promises
 * @throws Error with the service's message, if the profile cannot load what the target asks for
 */
export function chooseRanks(
  asked: Target,
  profile: ServingProfile | null,
  { modules }: AnalyzedAdapter,
): { readonly ranks: number[]; readonly missed: string | null } {
  const { target, limits } = profile
    ? applyGivenProfile(asked, profile)
    : {
        target: asked,
        limits: { ...NO_LIMITS, minRank: asked.min_rank ?? 1, maxRank: asked.max_rank ?? NO_LIMITS.maxRank },
      };
  const isKohya = 'compat' in target && target.compat === 'kohya';
  const wanted = modules.map(({ singular_values: sigma, scale, shape }) => {
    const rank = policyRank(target, sigma);
    // kohya's script decomposes B·A, whose spectrum does not include the scale.
    return isKohya ? Math.min(kohyaRank(rank, (sigma[0] ?? 0) / Math.abs(scale)), ...shape) : rank;
  });
  const largest = wanted.reduce((maximum, rank) => Math.max(maximum, rank), 1);
  const isUniform = 'rank' in target || (target.uniform ?? true);
  const ranks = modules.map(({ rank }, index) =>
    limitRank(isUniform ? largest : wanted[index]!, rank, limits),
  );
  const setting = profile?.max_rank.setting ?? null;
  const because = profile ? [profile.title, setting].filter(Boolean).join(', ') : FIELD_LABELS.max_rank;
  const needed = modules.map(({ rank }, index) => Math.min(wanted[index]!, rank));
  return { ranks, missed: missedPromise(target, needed, ranks, because) };
}

function policyRank(target: Target, sigma: readonly number[]): number {
  if ('rank' in target) return target.rank;
  if ('energy' in target) return energyRank(sigma, target.energy);
  if ('tolerance' in target) return toleranceRank(sigma, target.tolerance);
  if ('ratio' in target) return ratioRank(sigma, target.ratio);
  if ('cumulative' in target) return cumulativeRank(sigma, target.cumulative);
  if ('knee' in target) return kneeRank(sigma);
  // A target with only a profile or a format keeps all ranks.
  return Number.MAX_SAFE_INTEGER;
}
