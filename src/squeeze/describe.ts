import type { Adapter, ModulePlan } from '../adapter/adapter.ts';
import type { FormatName } from '../adapter/format-name.ts';
import type { ClassSize } from '../adapter/size-audit.ts';
import type { ExpectedLoss, SucceededResult } from '../contract/job.ts';
import type { ModuleSpectrum } from '../contract/report.ts';
import type { Target } from '../contract/target.ts';
import { energyCurve, RESOLUTION, roundToResolution } from '../core/spectrum.ts';
import type { Decomposition } from '../engine/kernel-types.ts';
import type { ErrorMetrics } from './measure.ts';
import type { Method } from './method.ts';
import { rankRange } from './rank-range.ts';

/** How close a result is to its source, in the form of the result and the report. */
export const errorFields = (
  { relativeError, moduleRelativeError, moduleEnergyRetained, excessBound }: ErrorMetrics,
  expectedLoss: ExpectedLoss | null,
) => ({
  relative_error: relativeError,
  energy_retained: 1 - relativeError ** 2,
  module_relative_error: moduleRelativeError,
  module_energy_retained: moduleEnergyRetained,
  excess_bound: excessBound,
  expected_loss: expectedLoss,
});

/** The facts about one target's result once its files exist. */
export interface FinishedTarget {
  readonly target: Target;
  readonly format: FormatName;
  readonly plans: readonly ModulePlan[];
  readonly closeness: ErrorMetrics;
  /** The size of its weights. */
  readonly bytes: number;
  readonly size: ClassSize[];
  readonly warnings: readonly string[];
  readonly expectedLoss: ExpectedLoss | null;
  readonly serving: SucceededResult['serving'];
}

/** The result of one target, in numbers. */
export function describeResult({
  target,
  format,
  plans,
  closeness,
  bytes,
  size,
  warnings,
  expectedLoss,
  serving,
}: FinishedTarget): Omit<SucceededResult, 'adapter_id'> {
  const ranks = plans.map(({ rank }) => rank);
  const parameters = plans.reduce((sum, { module, rank }) => sum + rank * (module.m + module.n), 0);
  const worst = closeness.modules.reduce((x, y) => (y.relative_error > x.relative_error ? y : x));
  return {
    target,
    state: 'succeeded',
    format,
    rank: { min: Math.min(...ranks), max: Math.max(...ranks) },
    bytes,
    size,
    parameters,
    ...errorFields(closeness, expectedLoss),
    worst_module:
      worst.relative_error > 0 ? { name: worst.name, relative_error: worst.relative_error } : null,
    warnings: [...warnings],
    serving,
    training: null,
  };
}

/** Warnings about ranks that were not reduced, because they are not below those of the source. */
export function rankWarnings(plans: readonly ModulePlan[], isUnchanged: boolean): string[] {
  const untouched = plans.filter(({ module, rank }) => rank === module.rank).length;
  const range = rankRange(plans.map(({ module }) => module.rank));
  if (isUnchanged) {
    return [`Nothing to squeeze: the adapter's rank is already ${range}. The result has the same files.`];
  }
  if (untouched === plans.length) return [`No module was squeezed: the rank stays ${range}.`];
  return untouched > 0
    ? [`The squeeze leaves the rank of ${untouched} of ${plans.length} modules unchanged.`]
    : [];
}

/** The spectrum of each module's update, including its scale. */
export function describeSpectra(
  adapter: Adapter,
  decompositions: readonly Decomposition[],
): ModuleSpectrum[] {
  return adapter.modules.map(({ name, kind, m, n, rank, scale }, index) => {
    const { sigma, energy, iterations } = decompositions[index]!;
    const known = sigma.subarray(0, Math.min(rank, sigma.length));
    return {
      name,
      kind,
      shape: [m, n],
      rank,
      scale,
      energy: scale * scale * energy,
      singular_values: roundToResolution(known.map((value) => value * Math.abs(scale))),
      energy_curve: energyCurve(known, energy),
      power_iterations: iterations,
    };
  });
}

/** Notes that a reader of the report needs to interpret its numbers. */
export function notesOn(method: Method): string[] {
  const notes = [
    'relative_error is measured on the written factors after rounding to their dtype; below about 1e-7 it is rounding noise of the measurement.',
    `Singular values below ${RESOLUTION} of a module's largest cannot be distinguished from zero and are given as 0.`,
  ];
  if (method.used === 'rsvd') {
    notes.push(
      'Randomised SVD: singular values are those of the sketch (a lower bound for the true ones); energy is exact. excess_bound of each module limits how far its error lies above the optimum, as a share of the optimum.',
    );
  } else if (method.requested === 'rsvd') {
    notes.push(
      'The exact method was used, because a target needs the whole spectrum or a sketch would not have been ' +
        'faster.',
    );
  }
  return notes;
}
