import type { RankPoint, Recommendation } from '../../contract/analysis.ts';
import { allocateRanks } from '../../core/policy/allocate-ranks.ts';
import { kneeRank } from '../../core/policy/knee-rank.ts';
import { type AnalyzedModule, allocationOf } from './analyzed-module.ts';
import { jointSpectrum } from './rank-curve.ts';

/** An error that a squeezed adapter hardly shows: 99.75 % of the energy stays. */
export const GOOD_ERROR = 0.05;
/** A rank above this share of the source's saves too little to be worth a recommendation. */
export const MOST_OF_RANK = 0.75;

const percent = (value: number): string => `${(100 * value).toPrecision(3)} %`;

/**
 * One rank for all modules: the smallest whose error over all modules is at most GOOD_ERROR; where that would save
 * next to nothing, the rank where the spectrum of all modules together bends; where it does not bend either, the
 * source's own.
 * @param curve of these modules, as `rankCurve` gives it
 */
export function recommendUniform(
  modules: readonly AnalyzedModule[],
  curve: readonly RankPoint[],
): Recommendation {
  const full = curve.length;
  const good = curve.find((point) => point.relative_error <= GOOD_ERROR)!.rank;
  const knee = kneeRank(jointSpectrum(modules));
  const most = Math.floor(MOST_OF_RANK * full);
  const rank = [good, knee].find((candidate) => candidate <= most) ?? full;
  const ranks = modules.map((module) => Math.min(rank, module.rank));
  return { target: { rank }, ...allocationOf(modules, ranks), reason: reason() };

  function reason(): string {
    const { relative_error, parameters } = curve[rank - 1]!;
    const error = percent(relative_error);
    const saved = percent(1 - parameters / curve[full - 1]!.parameters);
    if (rank === good && rank <= most) {
      return (
        `The smallest rank that keeps the relative error over all modules within ${percent(GOOD_ERROR)} ` +
        `(${error}); it saves ${saved} of the parameters.`
      );
    }
    const why = `No rank up to ${most} of ${full} keeps the relative error within ${percent(GOOD_ERROR)}`;
    if (rank === knee && rank <= most) {
      return (
        `${why}; ${knee} is where the spectrum bends: each rank above it brings less than the average one. It leaves ` +
        `an error of ${error} and saves ${saved} of the parameters.`
      );
    }
    return most === 0
      ? 'The rank is 1 already.'
      : `${why}, and the spectrum has no bend before: the directions of this adapter matter about equally. Better ` +
          'leave its rank as it is, or take from the curve the error you can live with.';
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
