import type { LoraModule } from '../adapter/adapter.ts';
import { POLICIES, type Target } from '../contract/target.ts';
import { cumulativeRank } from '../core/policy/cumulative-rank.ts';
import { energyRank } from '../core/policy/energy-rank.ts';
import { kneeRank } from '../core/policy/knee-rank.ts';
import { ratioRank } from '../core/policy/ratio-rank.ts';
import { toleranceRank } from '../core/policy/tolerance-rank.ts';
import { type Rest, resolved } from '../core/spectrum.ts';
import type { Decomposition } from '../engine/kernel-types.ts';
import type { RankLimits } from '../serving/rank-limits.ts';
import { budgetRanks, priced } from './budget-ranks.ts';
import { evenExperts } from './even-experts.ts';
import { limitRank } from './limit-rank.ts';
import { patternRanks } from './pattern-ranks.ts';
import { restOf } from './residuals.ts';

export interface RankChoice {
  /** One for each module, never above its own. */
  readonly ranks: number[];
  /** What the user should know about the choice, in words. */
  readonly warnings: string[];
}

/** Whether the ranks of a target depend on the modules' complete spectra. */
export const needsSpectrum = (target: Target): boolean =>
  !('rank' in target || 'rank_pattern' in target || hasNoPolicy(target));

/**
 * The rank of every module under one target: what the policy asks for, made uniform unless the target says otherwise,
 * then brought within the limits.
 * @param decompositions σ of B·A without its scale, descending, complete (it may be padded) where `needsSpectrum(target)`, and what B·A leaves out of ΔW; else not looked at
 * @throws AppError VALIDATION_FAILED for a pattern that cannot be read, BUDGET_TOO_SMALL
 */
export function selectRanks(
  target: Target,
  limits: RankLimits,
  modules: readonly LoraModule[],
  decompositions: readonly Pick<Decomposition, 'sigma' | 'residual'>[],
): RankChoice {
  if (!needsSpectrum(target)) return spectrumFreeRanks(target, limits, modules);
  const spectra = modules.map(({ rank }, index) => resolved(decompositions[index]!.sigma.subarray(0, rank)));
  if ('budget_bytes' in target || 'budget_parameters' in target) {
    const scaled = spectra.map((sigma, index) => {
      const scale = Math.abs(modules[index]!.scale);
      const restNorm = Math.sqrt(decompositions[index]!.residual ?? 0) * scale;
      return { sigma: sigma.map((value) => value * scale), restNorm };
    });
    const { ranks, warnings } = budgetRanks(target, limits, modules, scaled);
    return { ranks: evenExperts(ranks, modules, 'smallest'), warnings };
  }
  const wanted = spectra.map((sigma, index) =>
    policyRank(target, sigma, restOf(modules[index]!, decompositions[index]!)),
  );
  return { ranks: withinLimits(wanted, target.uniform ?? true, limits, modules), warnings: [] };
}

/**
 * Throws for a target that no spectra could help.
 * @throws AppError VALIDATION_FAILED for a pattern that cannot be read, BUDGET_TOO_SMALL
 */
export function refuseVain(target: Target, limits: RankLimits, modules: readonly LoraModule[]): void {
  if ('budget_bytes' in target || 'budget_parameters' in target) priced(target, limits, modules);
  else if (!needsSpectrum(target)) spectrumFreeRanks(target, limits, modules);
}

/**
 * `selectRanks` for targets that do not need the spectra, so that what they ask for is known before any work.
 * @throws AppError VALIDATION_FAILED
 */
export function spectrumFreeRanks(
  target: Target,
  limits: RankLimits,
  modules: readonly Pick<LoraModule, 'name' | 'rank'>[],
): RankChoice {
  if ('rank_pattern' in target) {
    const { ranks, warnings } = patternRanks(target.rank_pattern, modules);
    if (target.uniform) warnings.push(UNIFORM_PATTERN);
    return { ranks: withinLimits(ranks, target.uniform ?? false, limits, modules), warnings };
  }
  // A profile alone asks for as much as its limits allow, a format alone for all there is.
  const rank = 'rank' in target ? target.rank : Number.POSITIVE_INFINITY;
  return { ranks: modules.map((module) => limitRank(rank, module.rank, limits)), warnings: [] };
}

const UNIFORM_PATTERN =
  'rank_pattern with uniform: all modules get the largest rank that it gives to any, or leaves to any.';

/** Whether a target says nothing about ranks: a profile or a format alone. */
export const hasNoPolicy = (target: Target): boolean => !POLICIES.some((policy) => policy in target);

function policyRank(target: Target, sigma: readonly number[], rest: Rest): number {
  if ('energy' in target) return energyRank(sigma, target.energy, rest.energy);
  if ('ratio' in target) return ratioRank(sigma, target.ratio);
  if ('cumulative' in target) return cumulativeRank(sigma, target.cumulative, rest);
  if ('tolerance' in target) return toleranceRank(sigma, target.tolerance, rest.energy);
  return kneeRank(sigma, rest);
}

function withinLimits(
  wanted: readonly number[],
  isUniform: boolean,
  limits: RankLimits,
  modules: readonly Pick<LoraModule, 'rank'>[],
): number[] {
  const largest = wanted.reduce((x, y) => Math.max(x, y), 1);
  const ranks = modules.map(({ rank }, index) =>
    limitRank(isUniform ? largest : wanted[index]!, rank, limits),
  );
  return evenExperts(ranks, modules, 'largest');
}
