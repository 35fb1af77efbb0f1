import type { ModulePlan, ScaleMode } from '../adapter/adapter.ts';
import { remainingScale } from '../adapter/remaining-scale.ts';
import type { ModuleResult } from '../contract/report.ts';
import { moduleRelativeError } from '../core/by-module.ts';
import { truncationError } from '../core/spectrum.ts';
import type { Decomposition, Measured } from '../engine/kernel-types.ts';

/** How close one result is: every module, and all together. */
export interface Closeness {
  readonly modules: readonly ModuleResult[];
  readonly relativeError: number;
  /** The root mean square of the modules' own relative errors. */
  readonly moduleRelativeError: number;
  /** The mean of what each module keeps of its energy: 1 − moduleRelativeError². */
  readonly moduleEnergyRetained: number;
}

/**
 * ‖ΔW − ΔW′‖² = ‖ΔW‖² − 2⟨ΔW, ΔW′⟩ + ‖ΔW′‖², of the factors as they were written. The difference of nearly equal
 * numbers limits what can be told: errors below about 1e-7 may come out as anything below that.
 * What the factors leave out of ΔW is orthogonal to them, and so to what is made of them: it adds to every error.
 * @param measured null where the module was copied
 */
export function measure(
  plans: readonly ModulePlan[],
  scale: ScaleMode,
  decompositions: readonly Decomposition[],
  measured: readonly (Measured | null)[],
): Closeness {
  const energies: number[] = [];
  const losses: number[] = [];
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
    energies.push(energy);
    losses.push(lost);
    const relativeError = energy > 0 ? Math.sqrt(lost / energy) : 0;
    const isComplete = decomposition.sigma.length >= module.rank;
    return {
      name: module.name,
      rank,
      relative_error: relativeError,
      optimal_error: isComplete ? truncationError(decomposition.sigma, rank, decomposition.residual) : null,
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
  };
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
