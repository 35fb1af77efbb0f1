import type { LoraModule } from '../adapter/adapter.ts';
import type { SqueezeOptions } from '../contract/job.ts';
import type { Target } from '../contract/target.ts';
import { COLUMN_STEP } from '../engine/kernels.ts';
import type { Decomposer } from './compute/tasks.ts';

/** "auto" has always settled long before; 3 to 8 are usual. */
const MAX_AUTO_ITERATIONS = 32;
/**
 * "auto" ends when an iteration gains less than this share of the energy still missing. Measured: the error then
 * lies within 1e-5 of the optimum, relatively.
 */
const AUTO_TOLERANCE = 1e-2;

export interface Method {
  readonly requested: 'rsvd' | 'exact';
  readonly used: 'rsvd' | 'exact';
  readonly oversampling: number;
  readonly power_iterations: number | 'auto';
  readonly seed: number;
  /** How to take a module apart; depends on its rank only. */
  decomposerFor(module: Pick<LoraModule, 'rank'>): Decomposer;
}

/**
 * Settles how a job's modules are decomposed: once, wide enough for its largest target. The exact method is used
 * where the sketch would not be narrower than the module's rank, and for everything when a target needs the whole
 * spectrum to choose a rank.
 */
export function chooseMethod(
  modules: readonly Pick<LoraModule, 'rank'>[],
  targets: readonly Target[],
  options: SqueezeOptions,
): Method {
  const requested = options.method ?? 'rsvd';
  const oversampling = options.oversampling ?? 10;
  const powerIterations = options.power_iterations ?? 'auto';
  const seed = options.seed ?? 0;
  const needsSpectrum = targets.some((target) => 'energy' in target);
  const largestRank = Math.max(...targets.map((target) => ('rank' in target ? target.rank : 0)));
  // Columns up to the next step cost nothing and make the sketch better.
  const sketchColumns = roundUp(largestRank + oversampling);

  const decomposerFor = ({ rank }: Pick<LoraModule, 'rank'>): Decomposer => {
    const exact = requested === 'exact' || needsSpectrum || sketchColumns >= rank;
    return {
      variant: exact ? 'exact' : 'randomised',
      columns: exact ? roundUp(rank) : sketchColumns,
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

const roundUp = (columns: number): number => Math.ceil(columns / COLUMN_STEP) * COLUMN_STEP;
