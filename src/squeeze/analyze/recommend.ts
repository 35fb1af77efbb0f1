import { formatExactPercent, formatPercent } from '../../charts/format.ts';
import type { RankPoint, Recommendation } from '../../contract/analysis.ts';
import { DEFAULT_CRITERION } from '../../contract/target.ts';
import { isDead } from '../../core/by-module.ts';
import { allocateRanks } from '../../core/policy/allocate-ranks.ts';
import { type AnalyzedModule, evaluateRanks, meanEnergyOf, rankCurve } from './analyzed-module.ts';

/** A mean module error with hardly any effect: the modules keep 99.75 % of their energy on average. */
export const MAX_GOOD_ERROR = 0.05;
/**
 * The largest error of any module at a recommended rank: 90 % of its energy stays. Dead modules do not count, neither
 * here nor in the mean.
 */
export const FAIR_ERROR = Math.sqrt(0.1);
const FAIR_ENERGY = formatExactPercent(0.9, 3);
/** A rank above this share of the source's rank saves too little to be recommended. */
const MAX_RANK_SHARE = 0.75;

/**
 * One rank for all modules: the smallest one with a mean module error of at most MAX_GOOD_ERROR and an error of at most
 * FAIR_ERROR in each module. If that saves almost nothing: the smallest one with FAIR_ERROR in each module. If that
 * saves almost nothing either: the rank of the source.
 * @param curve of these modules, by `rankCurve`
 */
export function recommendUniform(
  modules: readonly AnalyzedModule[],
  curve: readonly Required<RankPoint>[],
): Required<Recommendation> {
  const full = curve.length;
  const maximum = Math.floor(MAX_RANK_SHARE * full);
  const meanEnergy = meanEnergyOf(modules);
  const live = modules.filter((module) => !isDead(module.lost[0]!, meanEnergy));
  const worst = rankCurve(live);
  const worstAt = (rank: number): number => worst[Math.min(rank, worst.length) - 1]?.worst_module_error ?? 0;
  const within = (mean: number): number =>
    curve.find((point) => point.module_relative_error <= mean && worstAt(point.rank) <= FAIR_ERROR)?.rank ??
    full;
  const good = within(MAX_GOOD_ERROR);
  const rank = [good, within(FAIR_ERROR)].find((candidate) => candidate <= maximum) ?? full;
  const ranks = modules.map((module) => Math.min(rank, module.rank));
  return { target: { rank }, ...evaluateRanks(modules, ranks), reason: reason() };

  function reason(): string {
    const { module_relative_error: mean, relative_error: whole, parameters } = curve[rank - 1]!;
    const saved = 1 - parameters / curve[full - 1]!.parameters;
    if (full === 1) return 'The rank is 1 already.';
    if (rank > maximum) {
      const blocking = live.filter(
        ({ lost }) => lost[Math.min(maximum, lost.length - 1)]! > FAIR_ERROR ** 2 * lost[0]!,
      ).length;
      return (
        `No rank up to ${maximum} keeps ${FAIR_ENERGY} of the energy of every module: ${blocking} of ${modules.length} ` +
        `${modules.length === 1 ? 'module loses' : 'modules lose'} more there. ` +
        `Keep rank ${full}, give each module its own rank, or choose an acceptable error from the curve.`
      );
    }
    const result =
      `Mean module error: ${formatPercent(mean)}; worst module: ${formatPercent(worstAt(rank))}; whole adapter: ${formatPercent(whole)}. ` +
      `This saves ${formatPercent(saved)} of the parameters.`;
    if (rank === good) {
      return (
        `Rank ${rank} is the smallest with a mean module error of at most ${formatPercent(MAX_GOOD_ERROR)} at which every module ` +
        `keeps ${FAIR_ENERGY} of its energy. ${result}`
      );
    }
    return (
      `Rank ${rank} is the smallest at which every module keeps ${FAIR_ENERGY} of its energy. ${result} A mean module error of ` +
      `at most ${formatPercent(MAX_GOOD_ERROR)} takes rank ${within(MAX_GOOD_ERROR)}.`
    );
  }
}

/**
 * Ranks by module with as many parameters as the uniform recommendation, given to the modules that would otherwise
 * lose most of their own energy. Servers that need one rank for all modules cannot use them.
 * @param curve of these modules, by `rankCurve`
 */
export function recommendBudget(
  modules: readonly AnalyzedModule[],
  uniform: Required<Recommendation>,
  curve: readonly Required<RankPoint>[],
): Required<Recommendation> {
  const budget = uniform.parameters;
  const ranks = allocateRanks(
    modules.map(({ sigma, rank, parameters, rest }) => ({
      sigma,
      restNorm: Math.sqrt(rest.energy),
      costPerRank: parameters,
      ranks: Array.from({ length: rank }, (_, i) => i + 1),
    })),
    budget,
    DEFAULT_CRITERION,
  );
  const allocation = evaluateRanks(modules, ranks);
  const { min, max } = allocation.rank;
  const same = curve.find((point) => point.module_relative_error <= allocation.module_relative_error);
  const reason =
    allocation.module_relative_error < uniform.module_relative_error
      ? `Ranks of ${min} to ${max}, each chosen to keep as much of its module as possible: with no more parameters than one rank ` +
        `for all (${budget}), the mean module error is ${formatPercent(allocation.module_relative_error)} instead of ` +
        `${formatPercent(uniform.module_relative_error)}. The server must read rank_pattern; a server that needs ` +
        `one rank for all modules forgoes this gain, or needs rank ${same?.rank ?? curve.length} to match it.`
      : 'Separate ranks gain nothing here: with the same number of parameters, one rank for all is as good.';
  return { target: { budget_parameters: budget }, ...allocation, reason };
}
