import type { LoraModule } from '../adapter/adapter.ts';
import type { FormatName } from '../adapter/format-name.ts';
import { type BudgetTarget, isUnequalByDefault, POLICIES, type Target } from '../contract/target.ts';
import { cumulativeRank } from '../core/policy/cumulative-rank.ts';
import { energyRank } from '../core/policy/energy-rank.ts';
import { kneeRank } from '../core/policy/knee-rank.ts';
import { kohyaRank } from '../core/policy/kohya-rank.ts';
import { ratioRank } from '../core/policy/ratio-rank.ts';
import { toleranceRank } from '../core/policy/tolerance-rank.ts';
import { type Rest, resolved } from '../core/spectrum.ts';
import type { Decomposition } from '../engine/kernel-types.ts';
import { AppError } from '../errors/app-error.ts';
import { PatternTable } from '../formats/peft/patterns.ts';
import type { RankLimits } from '../serving/rank-limits.ts';
import { budgetRanks, priced } from './budget-ranks.ts';
import { largestRank, limitRank } from './limit-rank.ts';
import { restOf } from './residuals.ts';

const UNIFORM_PATTERN =
  'rank_pattern with uniform: all modules get the largest rank that any of them would have.';

/** A list of patterns in a warning must stay readable. */
const MAX_NAMED = 5;

/** Result of `selectRanks`. */
export interface RankChoice {
  /** One for each module, never above its own. */
  readonly ranks: number[];
  /** What the user should know about the choice, in words. */
  readonly warnings: string[];
}

/** What the choice of a rank looks at where it needs no spectrum. */
export type ShapedModule = Pick<LoraModule, 'name' | 'rank' | 'm' | 'n'>;

type Ranked = Pick<LoraModule, 'rank' | 'm' | 'n'> & Partial<Pick<LoraModule, 'a' | 'expert'>>;

/** Targets without a policy that looks at spectra. */
type SpectrumFreeTarget = Extract<
  Target,
  { rank: number } | { rank_pattern: Record<string, number> } | { profile: string } | { format: FormatName }
>;
type SpectrumTarget = Exclude<Target, SpectrumFreeTarget>;

/** Whether the ranks of a target depend on the modules' complete spectra. */
export const needsSpectrum = (target: Target): target is SpectrumTarget =>
  !('rank' in target || 'rank_pattern' in target || hasNoPolicy(target));

/** Whether a target says nothing about ranks: a profile or a format alone. */
export const hasNoPolicy = (target: Target): boolean => !POLICIES.some((policy) => policy in target);

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
  const wanted = spectra.map((sigma, index) => {
    const module = modules[index]!;
    const asked = policyRank(target, sigma, restOf(module, decompositions[index]!));
    const isKohya = 'compat' in target && target.compat === 'kohya';
    return Math.min(isKohya ? kohyaRank(asked, sigma[0] ?? 0) : asked, largestRank(module));
  });
  return { ranks: withinLimits(wanted, target, limits, modules), warnings: [] };
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
  modules: readonly ShapedModule[],
): RankChoice {
  if ('rank_pattern' in target) {
    const { ranks, warnings } = patternRanks(target.rank_pattern, modules);
    if (target.uniform) warnings.push(UNIFORM_PATTERN);
    return {
      ranks: withinLimits(ranks, target, limits, modules),
      warnings,
    };
  }
  // A profile alone asks for as much as its limits allow, a format alone for all there is.
  if (!('rank' in target))
    return { ranks: modules.map(({ rank }) => limitRank(Infinity, rank, limits)), warnings: [] };
  const wanted = modules.map((module) => Math.min(target.rank, largestRank(module)));
  return { ranks: withinLimits(wanted, target, limits, modules), warnings: [] };
}

/**
 * The rank of every module under a rank_pattern, matched as PEFT matches it: the first pattern that applies decides.
 * Modules without one keep their rank.
 * @throws AppError VALIDATION_FAILED for a pattern that cannot be read, or too many of them to match
 */
function patternRanks(
  pattern: Readonly<Record<string, number>>,
  modules: readonly ShapedModule[],
): { readonly ranks: number[]; readonly warnings: string[] } {
  const unused = new Set(Object.keys(pattern));
  const ranks = asValidation(() => {
    const table = new PatternTable(
      'rank_pattern',
      Object.keys(pattern).map((key) => [key, key]),
    );
    return modules.map((module) => {
      const key = table.find(module.name);
      if (key === undefined) return module.rank;
      unused.delete(key);
      return Math.min(pattern[key]!, largestRank(module));
    });
  });
  return { ranks, warnings: unused.size > 0 ? [unusedWarning([...unused])] : [] };
}

/** PatternTable speaks of adapter_config.json; this pattern came with the request. */
function asValidation<T>(match: () => T): T {
  try {
    return match();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const message = error.message.replace(/^adapter_config\.json: /, 'The target: ');
    throw new AppError('VALIDATION_FAILED', message, error.context, { cause: error });
  }
}

function unusedWarning(keys: readonly string[]): string {
  const named = keys.slice(0, MAX_NAMED).map((key) => JSON.stringify(key));
  const more = keys.length > MAX_NAMED ? ` and ${keys.length - MAX_NAMED} more` : '';
  return `rank_pattern: ${named.join(', ')}${more} matched no module; check the names against the modules of the adapter.`;
}

/** The rank that a policy chooses from one spectrum. A policy that is missing here does not compile. */
function policyRank(
  target: Exclude<SpectrumTarget, BudgetTarget>,
  sigma: readonly number[],
  rest: Rest,
): number {
  if ('energy' in target) return energyRank(sigma, target.energy, rest.energy);
  if ('ratio' in target) return ratioRank(sigma, target.ratio);
  if ('cumulative' in target) return cumulativeRank(sigma, target.cumulative, rest);
  if ('tolerance' in target) return toleranceRank(sigma, target.tolerance, rest.energy);
  if ('knee' in target) return kneeRank(sigma, rest);
  return target satisfies never;
}

/**
 * No module gets more than `largestRank`, unless it keeps its own rank, or one rank for all was asked for in so many words,
 * as profiles do of servers that load no other.
 */
function withinLimits(
  wanted: readonly number[],
  target: Target,
  limits: RankLimits,
  modules: readonly ShapedModule[],
): number[] {
  const uniform = target.uniform ?? (isUnequalByDefault(target) ? false : undefined);
  const largest = wanted.reduce((x, y) => Math.max(x, y), 1);
  const ranks = modules.map((module, index) => {
    const own = wanted[index]!;
    const most = uniform === true || own > largestRank(module) ? module.rank : largestRank(module);
    return limitRank(uniform === false ? own : largest, most, limits);
  });
  return evenExperts(ranks, modules, 'largest');
}

/**
 * One rank for experts that share a tensor, which has no room for several: the largest that any of them got, so that
 * what a policy promises holds for each; the smallest where a budget has to be kept.
 * @param ranks one for each of the modules
 */
function evenExperts(
  ranks: readonly number[],
  modules: readonly Ranked[],
  which: 'largest' | 'smallest',
): number[] {
  const tensorOf = ({ a, expert }: Ranked): string | undefined => (expert ? a?.name : undefined);
  const common = new Map<string, number>();
  for (const [index, module] of modules.entries()) {
    const tensor = tensorOf(module);
    if (tensor === undefined) continue;
    const [own, known] = [ranks[index]!, common.get(tensor) ?? ranks[index]!];
    common.set(tensor, which === 'largest' ? Math.max(own, known) : Math.min(own, known));
  }
  return ranks.map((rank, index) => common.get(tensorOf(modules[index]!) ?? '') ?? rank);
}
