import type { RankPoint, Recommendation } from '../../contract/analysis.ts';
import { allocateRanks } from '../../core/policy/allocate-ranks.ts';
import { kneeRank } from '../../core/policy/knee-rank.ts';
import { type AnalyzedModule, allocationOf } from './analyzed-module.ts';
import { jointSpectrum } from './rank-curve.ts';

/** An error that a squeezed adapter hardly shows: 99.75 % of the energy stays. */
export const GOOD_ERROR = 0.05;
/** The largest error of a rank that is recommended at all: 90 % of the energy stays. */
export const FAIR_ERROR = Math.sqrt(0.1);
/** A rank above this share of the source's saves too little to be worth a recommendation. */
export const MOST_OF_RANK = 0.75;

const percent = (value: number): string => `${(100 * value).toPrecision(3)} %`;

/**
 * One rank for all modules: the smallest whose error over all modules is at most GOOD_ERROR. Where that would save next
 * to nothing: the rank where the spectrum of all modules together bends, but at least what FAIR_ERROR needs. Where
 * FAIR_ERROR needs nearly all of the rank: the source's own.
 * @param curve of these modules, as `rankCurve` gives it
 */
export function recommendUniform(
  modules: readonly AnalyzedModule[],
  curve: readonly RankPoint[],
): Recommendation {
  const full = curve.length;
  const within = (error: number): number => curve.find((point) => point.relative_error <= error)!.rank;
  const good = within(GOOD_ERROR);
  const fair = within(FAIR_ERROR);
  const knee = kneeRank(jointSpectrum(modules));
  const most = Math.floor(MOST_OF_RANK * full);
  const rank = [good, Math.max(knee, fair), fair].find((candidate) => candidate <= most) ?? full;
  const ranks = modules.map((module) => Math.min(rank, module.rank));
  return { target: { rank }, ...allocationOf(modules, ranks), reason: reason() };

  function reason(): string {
    const { relative_error, parameters } = curve[rank - 1]!;
    const result =
      `It leaves a relative error of ${percent(relative_error)} over all modules and saves ` +
      `${percent(1 - parameters / curve[full - 1]!.parameters)} of the parameters.`;
    if (full === 1) return 'The rank is 1 already.';
    if (rank === good && rank <= most) {
      return `${rank} is the smallest rank with an error of at most ${percent(GOOD_ERROR)}. ${result}`;
    }
    const why = `No rank up to ${most} of ${full} keeps the error within ${percent(GOOD_ERROR)}`;
    if (rank === full) {
      return (
        `${why} or even ${percent(FAIR_ERROR)}: the directions of this adapter matter about equally. Better leave its ` +
        'rank as it is, or take from the curve the error you can live with.'
      );
    }
    return rank === knee
      ? `${why}; at ${rank} the spectrum bends: each rank above brings less than the average one. ${result}`
      : `${why}; ${rank} is the smallest that keeps it within ${percent(FAIR_ERROR)} (90 % of the energy). ${result}`;
  }
}

/** As many parameters as the uniform recommendation has, given to the modules that lose most without them. */
export function recommendBudget(modules: readonly AnalyzedModule[], uniform: Recommendation): Recommendation {
  const budget = uniform.parameters;
  const ranks = allocateRanks(
    modules.map(({ sigma, rank, parameters }) => ({
      sigma,
      costPerRank: parameters,
      ranks: Array.from({ length: rank }, (_, i) => i + 1),
    })),
    budget,
  );
  const allocation = allocationOf(modules, ranks);
  const { min, max } = allocation.rank;
  const reason =
    allocation.relative_error < uniform.relative_error
      ? `Ranks of ${min} to ${max}, each where it keeps most: with no more parameters than one rank for all ` +
        `(${budget}), the error is ${percent(allocation.relative_error)} instead of ` +
        `${percent(uniform.relative_error)}. The place it is for has to read rank_pattern.`
      : 'Ranks of their own gain nothing here: one rank for all is as good with as many parameters.';
  return { target: { budget_parameters: budget }, ...allocation, reason };
}
