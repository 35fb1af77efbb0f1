import type { ModulePlan, ScaleMode } from '../adapter/adapter.ts';
import { DTYPE_NAMES } from '../adapter/dtype-names.ts';
import { remainingScale } from '../adapter/remaining-scale.ts';
import type { ModuleResult } from '../contract/report.ts';
import { moduleRelativeError } from '../core/by-module.ts';
import { missedEnergyBound } from '../core/excess-bound.ts';
import { truncationError } from '../core/spectrum.ts';
import type { Decomposition, Measurement } from '../engine/kernel-types.ts';
import { AppError } from '../errors/app-error.ts';

/** How close one result is to its source, by module and for all modules together. */
export interface ErrorMetrics {
  readonly modules: readonly ModuleResult[];
  readonly relativeError: number;
  /** The root mean square of the relative errors of the modules. */
  readonly moduleRelativeError: number;
  /** The mean share of its energy that each module keeps: 1 − moduleRelativeError². */
  readonly moduleEnergyRetained: number;
  /** The bound for relativeError; see ModuleResult. */
  readonly excessBound: number | null;
}

/**
 * Measures ‖ΔW − ΔW′‖² = ‖ΔW‖² − 2⟨ΔW, ΔW′⟩ + ‖ΔW′‖² on the factors as they were written. As a difference of nearly
 * equal numbers, this has limited precision: an error below about 1e-7 may be reported as any value below that. The
 * part of ΔW that the factors leave out is orthogonal to them and to their results, and is added to every error.
 * @param measured null if the module was copied
 * @throws AppError NON_FINITE_RESULT naming the module whose numbers became zero in its dtype
 */
export function measure(
  plans: readonly ModulePlan[],
  scale: ScaleMode,
  decompositions: readonly Decomposition[],
  measured: readonly (Measurement | null)[],
): ErrorMetrics {
  const energies: number[] = [];
  const losses: number[] = [];
  const minimum: number[] = [];
  const modules = plans.map(({ module, rank }, index): ModuleResult => {
    const decomposition = decompositions[index]!;
    const s = module.scale;
    const written = remainingScale(scale, module, rank);
    const energy = s * s * decomposition.energy;
    const rest = s * s * (decomposition.residual ?? 0);
    const found = measured[index]!;
    const lost = found
      ? rest + Math.max(0, energy - rest - 2 * s * written * found.inner + written * written * found.energy)
      : rest;
    if (found)
      refuseUnderflow(plans[index]!, {
        found,
        ratio: written / s,
        kept: keptEnergy(decomposition, rank, module.rank),
        minimum: CANCELLED * decomposition.energyB * decomposition.energyA,
      });
    energies.push(energy);
    losses.push(lost);
    const unavoidable = s * s * leastLost(decomposition, rank, module.rank);
    minimum.push(unavoidable);
    const relativeError = energy > 0 ? Math.sqrt(lost / energy) : 0;
    const isComplete = decomposition.sigma.length >= module.rank;
    return {
      name: module.name,
      rank,
      relative_error: relativeError,
      optimal_error: isComplete ? truncationError(decomposition.sigma, rank, decomposition.residual) : null,
      excess_bound: excessOver(unavoidable, lost, energy),
      energy_retained: 1 - relativeError ** 2,
      passthrough: rank === module.rank && rest === 0,
    };
  });
  const totalEnergy = sumOf(energies);
  const moduleError = moduleRelativeError(energies, losses);
  return {
    modules,
    relativeError: totalEnergy > 0 ? Math.sqrt(sumOf(losses) / totalEnergy) : 0,
    moduleRelativeError: moduleError,
    moduleEnergyRetained: 1 - moduleError ** 2,
    excessBound: excessOver(sumOf(minimum), sumOf(losses), totalEnergy),
  };
}

/** Share of the energy that rounding may take from a difference of energies. */
const ROUNDING = 1e-13;

/** A lower bound of the part of ‖ΔW‖² that any matrix of this rank loses, without the module's scale. */
function leastLost(
  { sigma, energy, residual = 0, sketched }: Decomposition,
  rank: number,
  whole: number,
): number {
  if (rank >= whole) return residual;
  if (!sketched) return residual + sumOf(Array.from(sigma.subarray(rank), (value) => value ** 2));
  const own = energy - residual;
  const captured = sumOf(Array.from(sigma.subarray(0, rank), (value) => value ** 2));
  return residual + Math.max(0, own * (1 - ROUNDING) - captured - missedEnergyBound(sigma, rank, sketched));
}

/** How far an error lies above the least possible one; null if that is too small to be distinguished from rounding. */
function excessOver(minimum: number, lost: number, energy: number): number | null {
  if (lost <= minimum) return 0;
  return minimum > ROUNDING * energy ? Math.sqrt(lost / minimum) - 1 : null;
}

/** Below this share of ‖B‖²·‖A‖², an update is what cancellation left over, and its energy means little. */
const CANCELLED = 1e-10;
/** The share of the energy that must survive rounding, which takes at most some hundredths of it. */
const MIN_SHARE = 0.9;

/** The part of ‖B·A‖² in the directions that are kept. */
function keptEnergy({ sigma, energy, residual = 0 }: Decomposition, rank: number, whole: number): number {
  return rank < whole ? sumOf(Array.from(sigma.subarray(0, rank), (value) => value ** 2)) : energy - residual;
}

interface MeasuredModule {
  readonly found: Measurement;
  /** s′/s: ⟨B·A, B′·A′⟩ times this is the kept energy, except for rounding. */
  readonly ratio: number;
  readonly kept: number;
  /** The energy below which nothing can be measured. */
  readonly minimum: number;
}

function refuseUnderflow(
  { module, dtypeA, dtypeB }: ModulePlan,
  { found, ratio, kept, minimum }: MeasuredModule,
): void {
  if (!Number.isFinite(ratio) || kept <= minimum || found.inner * ratio >= MIN_SHARE * kept) return;
  const dtypes = [...new Set([dtypeA, dtypeB])].map((dtype) => DTYPE_NAMES[dtype]).join(' and ');
  throw new AppError(
    'NON_FINITE_RESULT',
    `The squeezed factors of module "${module.name}" contain numbers so small that they become zero in ` +
      `${dtypes}. Request dtype "float32" or "bfloat16", or split "balanced".`,
    { module: module.name, dtype: dtypes },
  );
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
