import type { LoraModule } from '../adapter/adapter.ts';
import type { FormatName } from '../adapter/format-name.ts';
import { type BudgetTarget, isUnequalByDefault, POLICIES, type Target } from '../contract/target.ts';
import { cumulativeRank } from '../core/policy/cumulative-rank.ts';
import { energyRank } from '../core/policy/energy-rank.ts';
import { kneeRank } from '../core/policy/knee-rank.ts';
import { kohyaRank } from '../core/policy/kohya-rank.ts';
import { ratioRank } from '../core/policy/ratio-rank.ts';
import { toleranceRank } from '../core/policy/tolerance-rank.ts';
import { type Rest, roundToResolution } from '../core/spectrum.ts';
import type { Decomposition } from '../engine/kernel-types.ts';
import { AppError } from '../errors/app-error.ts';
import { messageWithoutFile, PatternTable } from '../formats/peft/patterns.ts';
import type { RankLimits } from '../serving/rank-limits.ts';
import { budgetAndPrices, budgetRanks } from './budget-ranks.ts';
import { largestRank, limitRank } from './limit-rank.ts';
import { missedPromise } from './missed-promise.ts';
import { restOf } from './residuals.ts';

const UNIFORM_PATTERN =
  'rank_pattern with uniform: all modules get the largest rank that any of them would have.';

/** A list of patterns in a warning must stay readable. */
const MAX_NAMED = 5;

/** Result of `selectRanks`. */
export interface RankChoice {
  /** One for each module, never above its own. */
  readonly ranks: number[];
  /** Warnings about the choice, in words. */
  readonly warnings: string[];
}

/** The facts about a module that a choice of ranks without spectra needs. */
export type ShapedModule = Pick<LoraModule, 'name' | 'rank' | 'm' | 'n'>;

type Ranked = Pick<LoraModule, 'rank' | 'm' | 'n'> & Partial<Pick<LoraModule, 'a' | 'expert'>>;

/** Targets whose policy needs no spectra. */
type SpectrumFreeTarget = Extract<
  Target,
  { rank: number } | { rank_pattern: Record<string, number> } | { profile: string } | { format: FormatName }
>;
type SpectrumTarget = Exclude<Target, SpectrumFreeTarget>;

/** Whether the ranks of a target depend on the modules' complete spectra. */
export const needsSpectrum = (target: Target): target is SpectrumTarget =>
  !('rank' in target || 'rank_pattern' in target || hasNoPolicy(target));

/** Whether a target specifies no ranks: a profile or a format alone. */
export const hasNoPolicy = (target: Target): boolean => !POLICIES.some((policy) => policy in target);

/**
 * The rank of every module under one target: the choice of the policy, made uniform unless the target specifies
 * otherwise, and then brought within the limits.
 * @param decompositions σ of B·A without its scale, descending, complete (or padded) if `needsSpectrum(target)`, and
 *   the part of ΔW that B·A leaves out; otherwise unused
 * @throws AppError VALIDATION_FAILED for a pattern that cannot be parsed, BUDGET_TOO_SMALL
 */
export function selectRanks(
  target: Target,
  limits: RankLimits,
  modules: readonly LoraModule[],
  decompositions: readonly Pick<Decomposition, 'sigma' | 'residual'>[],
): RankChoice {
  if (!needsSpectrum(target)) return spectrumFreeRanks(target, limits, modules);
  const spectra = modules.map(({ rank }, index) =>
    roundToResolution(decompositions[index]!.sigma.subarray(0, rank)),
  );
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
    const chosen = policyRank(target, sigma, restOf(module, decompositions[index]!));
    const isKohya = 'compat' in target && target.compat === 'kohya';
    return Math.min(isKohya ? kohyaRank(chosen, sigma[0] ?? 0) : chosen, largestRank(module));
  });
  const ranks = withinLimits(wanted, target, limits, modules);
  const because = target.profile === undefined ? 'max_rank' : `max_rank, or the limits of ${target.profile}`;
  const missed = missedPromise(target, wanted, ranks, because);
  return { ranks, warnings: missed === null ? [] : [missed] };
}

/**
 * Refuses a target that is impossible whatever the spectra are.
 * @throws AppError VALIDATION_FAILED for a pattern that cannot be parsed, BUDGET_TOO_SMALL
 */
export function refuseImpossible(target: Target, limits: RankLimits, modules: readonly LoraModule[]): void {
  if ('budget_bytes' in target || 'budget_parameters' in target) budgetAndPrices(target, limits, modules);
  else if (!needsSpectrum(target)) spectrumFreeRanks(target, limits, modules);
}

/**
 * `selectRanks` for targets that need no spectra, so that their ranks are known before any work is done.
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
  // Without a rank, a profile keeps as much as its limits allow, and a format keeps the ranks of the source.
  if (!('rank' in target))
    return { ranks: modules.map(({ rank }) => limitRank(Infinity, rank, limits)), warnings: [] };
  const wanted = modules.map((module) => Math.min(target.rank, largestRank(module)));
  return { ranks: withinLimits(wanted, target, limits, modules), warnings: [] };
}

/**
 * The rank of every module under a rank_pattern, matched as PEFT matches it: the first pattern that applies decides.
 * Modules without one keep their rank.
 * @throws AppError VALIDATION_FAILED for a pattern that cannot be parsed, or for too many patterns
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

/** Errors of PatternTable name adapter_config.json, but this pattern is part of the request. */
function asValidation<T>(match: () => T): T {
  try {
    return match();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const message = messageWithoutFile(error.message);
    throw new AppError('VALIDATION_FAILED', message, error.context, { cause: error });
  }
}

function unusedWarning(keys: readonly string[]): string {
  const named = keys.slice(0, MAX_NAMED).map((key) => JSON.stringify(key));
  const more = keys.length > MAX_NAMED ? ` and ${keys.length - MAX_NAMED} more` : '';
  return `rank_pattern: ${named.join(', ')}${more} matched no module; check the names against the modules of the adapter.`;
}

/** The rank that a policy chooses from one spectrum. A missing policy does not compile. */
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
 * No module gets more than `largestRank`, unless it keeps its own rank, or one rank for all was requested explicitly,
 * as profiles do for servers that load no other.
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
    const maximum = uniform === true || own > largestRank(module) ? module.rank : largestRank(module);
    return limitRank(uniform === false ? own : largest, maximum, limits);
  });
  return evenExperts(ranks, modules, 'largest');
}

/**
 * One rank for experts that share a tensor, in which all must have the same: the largest of their ranks, so that a
 * policy's promise holds for each of them; the smallest if there is a budget to keep to.
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
