import type { Analysis } from '../../../src/contract/analysis.ts';
import type { ModuleSpectrum, Report } from '../../../src/contract/report.ts';
import { moduleRelativeError } from '../../../src/core/by-module.ts';

/** The size and the loss of a choice of ranks, before anything is written. */
export interface Preview {
  readonly rank: { readonly min: number; readonly max: number };
  readonly relative_error: number;
  readonly module_relative_error: number;
  readonly module_energy_retained: number;
  /** The size of the factors, in the dtypes of the source. */
  readonly bytes: number;
  readonly parameters: number;
  readonly worst: { readonly name: string; readonly relative_error: number } | null;
}

/** The modules of an analysis and the figures for the whole adapter. */
export interface AnalyzedAdapter {
  readonly modules: readonly ModuleSpectrum[];
  readonly analysis: Analysis;
  /** The mean number of bytes per parameter in the source, which as a rule has a single dtype. */
  readonly bytesPerParameter: number;
}

export function analyzedAdapter({ modules, analysis }: Report): AnalyzedAdapter | null {
  const first = analysis?.curve[0];
  if (!analysis || !first) return null;
  return { modules, analysis, bytesPerParameter: first.bytes / first.parameters };
}

/** The share of a module's energy that is lost at a rank. */
export const lostShare = ({ energy_curve: curve }: ModuleSpectrum, rank: number): number =>
  Math.max(0, 1 - (curve[Math.min(rank, curve.length) - 1] ?? 1));

/** The smallest possible relative error of a module at a rank (Eckart and Young 1936). */
export const errorAt = (module: ModuleSpectrum, rank: number): number => Math.sqrt(lostShare(module, rank));

/** @param ranks one for each module, at most the module's own rank */
export function computePreview(
  { modules, bytesPerParameter }: AnalyzedAdapter,
  ranks: readonly number[],
): Preview {
  let [energy, parameters, min, max] = [0, 0, Number.POSITIVE_INFINITY, 0];
  const lost: number[] = [];
  let worst: Preview['worst'] = null;
  for (const [index, module] of modules.entries()) {
    const rank = ranks[index]!;
    const share = lostShare(module, rank);
    energy += module.energy;
    lost.push(module.energy * share);
    parameters += rank * (module.shape[0] + module.shape[1]);
    min = Math.min(min, rank);
    max = Math.max(max, rank);
    if (share > 0 && share > (worst?.relative_error ?? 0) ** 2)
      worst = { name: module.name, relative_error: Math.sqrt(share) };
  }
  const mean = moduleRelativeError(
    modules.map((module) => module.energy),
    lost,
  );
  return {
    rank: { min, max },
    relative_error: energy > 0 ? Math.sqrt(lost.reduce((sum, one) => sum + one, 0) / energy) : 0,
    module_relative_error: mean,
    module_energy_retained: 1 - mean ** 2,
    bytes: Math.round(parameters * bytesPerParameter),
    parameters,
    worst,
  };
}
