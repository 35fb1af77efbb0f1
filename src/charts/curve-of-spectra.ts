import type { RankPoint } from '../contract/analysis.ts';
import type { ModuleSpectrum } from '../contract/report.ts';
import { moduleRelativeError } from '../core/by-module.ts';

/** A point of the curve without what it costs. */
export type ErrorPoint = Required<
  Pick<RankPoint, 'rank' | 'relative_error' | 'module_relative_error' | 'worst_module_error'>
>;

/**
 * The least error of every uniform rank, as an analysis has it, from the spectra of any report: error² = 1 − Σ energy
 * kept / Σ energy (Eckart and Young 1936). Of a sketch the ranks it knows.
 */
export function curveOfSpectra(
  modules: readonly Pick<ModuleSpectrum, 'energy' | 'energy_curve'>[],
): ErrorPoint[] {
  const ranks = modules.reduce((most, { energy_curve: curve }) => Math.max(most, curve.length), 0);
  const energies = modules.map((module) => module.energy);
  const energy = sumOf(energies);
  return Array.from({ length: ranks }, (_, index) => {
    let worst = 0;
    const lost = modules.map(({ energy: own, energy_curve: curve }) => {
      const share = Math.max(0, 1 - (curve[Math.min(index, curve.length - 1)] ?? 1));
      worst = Math.max(worst, share);
      return own * share;
    });
    return {
      rank: index + 1,
      relative_error: energy > 0 ? Math.sqrt(sumOf(lost) / energy) : 0,
      module_relative_error: moduleRelativeError(energies, lost),
      worst_module_error: Math.sqrt(worst),
    };
  });
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
