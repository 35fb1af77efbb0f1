import type { LoraModule } from '../adapter/adapter.ts';
import type { Decomposer } from '../compute/decompose-task.ts';
import type { SqueezeOptions } from '../contract/job-request.ts';
import type { Target } from '../contract/target.ts';
import { COLUMN_STEP, exactColumns } from '../engine/column-step.ts';
import { NO_LIMITS, type RankLimits } from '../serving/rank-limits.ts';
import { needsSpectrum, type ShapedModule, spectrumFreeRanks } from './select-ranks.ts';

/** "auto" always ends long before; 2 to 30 are usual. */
const MAX_AUTO_ITERATIONS = 64;
/**
 * "auto" ends when a round of n iterations gains less than this share, divided by n, of the missing energy. By
 * measurement, the error is then within a relative 1e-4 of the optimum for every spectrum that was tried, and usually
 * much closer.
 */
const AUTO_TOLERANCE = 1e-3;

/**
 * A sketch whose width is at most this share of the rank, in a module of at least this rank, is faster than the exact
 * decomposition. Measured on two cores: at rank 48 it takes 1 to 2 times as long; from rank 64 to 16 it takes as
 * long, and to rank 4 half as long.
 */
const WIDEST_SHARE = 3 / 8;
const MIN_RANK = 64;

export interface Method {
  readonly requested: 'rsvd' | 'exact';
  readonly used: 'rsvd' | 'exact';
  readonly oversampling: number;
  readonly power_iterations: number | 'auto';
  readonly seed: number;
  /** How to decompose a module, which only depends on its rank. */
  decomposerFor(module: Pick<LoraModule, 'rank'>): Decomposer;
}

/**
 * Chooses how the modules of a job are decomposed: once, wide enough for the largest target. The exact method is used
 * if a sketch would not be faster, and for all modules if a target needs the whole spectrum to choose a rank.
 * @param limits of each target, in their order; default: none
 * @throws AppError VALIDATION_FAILED for a rank_pattern that cannot be parsed
 */
export function chooseMethod(
  modules: readonly ShapedModule[],
  targets: readonly Target[],
  options: SqueezeOptions,
  limits: readonly RankLimits[] = [],
): Method {
  const requested = options.method ?? 'rsvd';
  const oversampling = options.oversampling ?? 10;
  const powerIterations = options.power_iterations ?? 'auto';
  const seed = options.seed ?? 0;
  const isSpectrumNeeded = targets.some(needsSpectrum);
  const largestRank = targets
    .map((target, index) => largestNewRank(modules, target, limits[index] ?? NO_LIMITS))
    .reduce((x, y) => Math.max(x, y), 0);
  // Columns up to the next multiple cost nothing and improve the sketch.
  const sketchColumns = roundUp(largestRank + oversampling);

  const decomposerFor = ({ rank }: Pick<LoraModule, 'rank'>): Decomposer => {
    const exact =
      requested === 'exact' || isSpectrumNeeded || rank < MIN_RANK || sketchColumns > WIDEST_SHARE * rank;
    return {
      variant: exact ? 'exact' : 'randomised',
      columns: exact ? exactColumns(rank) : sketchColumns,
      keep: Math.max(1, Math.min(rank, largestRank)),
      maxIterations: powerIterations === 'auto' ? MAX_AUTO_ITERATIONS : powerIterations,
      tolerance: powerIterations === 'auto' ? AUTO_TOLERANCE : Number.NEGATIVE_INFINITY,
      seed,
    };
  };
  const isExact = modules.every((module) => decomposerFor(module).variant === 'exact');
  return {
    requested,
    used: isExact ? 'exact' : 'rsvd',
    oversampling,
    power_iterations: powerIterations,
    seed,
    decomposerFor,
  };
}

/** The largest rank that a target may give a module. */
function largestNewRank(modules: readonly ShapedModule[], target: Target, limits: RankLimits): number {
  const largestOwn = modules.reduce((largest, { rank }) => Math.max(largest, rank), 0);
  if (needsSpectrum(target)) return Math.min(largestOwn, limits.maxRank);
  const { ranks } = spectrumFreeRanks(target, limits, modules);
  // Modules that a pattern leaves as they are will be copied, and need no wider sketch.
  const isNew = (rank: number, index: number): boolean =>
    !('rank_pattern' in target) || rank < modules[index]!.rank;
  return ranks.filter(isNew).reduce((x, y) => Math.max(x, y), 0);
}

const roundUp = (columns: number): number => Math.ceil(columns / COLUMN_STEP) * COLUMN_STEP;
