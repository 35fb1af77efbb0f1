import type { RankPoint } from '../contract/analysis.ts';
import type { ModuleSpectrum } from '../contract/report.ts';

/** A point of the curve without what it costs. */
export type ErrorPoint = Pick<RankPoint, 'rank' | 'relative_error' | 'worst_module_error'>;

/**
 * The least error of every uniform rank, as an analysis has it, from the spectra of any report: error² = 1 − Σ energy
 * kept / Σ energy (Eckart and Young 1936). Of a sketch the ranks it knows.
 */
export function curveOfSpectra(
  modules: readonly Pick<ModuleSpectrum, 'energy' | 'energy_curve'>[],
): ErrorPoint[] {
  const ranks = modules.reduce((most, { energy_curve: curve }) => Math.max(most, curve.length), 0);
  const energy = modules.reduce((sum, module) => sum + module.energy, 0);
  return Array.from({ length: ranks }, (_, index) => {
    let [lost, worst] = [0, 0];
    for (const { energy: own, energy_curve: curve } of modules) {
      const share = Math.max(0, 1 - (curve[Math.min(index, curve.length - 1)] ?? 1));
      lost += own * share;
      worst = Math.max(worst, share);
    }
    return {
      rank: index + 1,
      relative_error: energy > 0 ? Math.sqrt(lost / energy) : 0,
      worst_module_error: Math.sqrt(worst),
    };
  });
}
