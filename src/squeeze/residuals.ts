import type { LoraModule } from '../adapter/adapter.ts';
import type { Rest } from '../core/spectrum.ts';
import type { Decomposition } from '../engine/kernel-types.ts';
import { counted } from '../errors/counted.ts';

/**
 * Converts decompositions of factors that are only a part of ΔW to decompositions of ΔW: its energy is that of the
 * factors plus that of the rest, which is orthogonal to them, so that every error includes it.
 * @param residuals ‖ΔW − B·A‖² by module; modules without an entry are exact
 */
export const withResiduals = (
  modules: readonly LoraModule[],
  decompositions: readonly Decomposition[],
  residuals: ReadonlyMap<string, number>,
): Decomposition[] =>
  decompositions.map((decomposition, index) => {
    const residual = residuals.get(modules[index]!.name) ?? 0;
    return residual === 0
      ? decomposition
      : { ...decomposition, energy: decomposition.energy + residual, residual };
  });

/**
 * The part of ΔW that a module's spectrum leaves out, ΔW − B·A, without its scale; empty if the factors contain all
 * of it.
 */
export const restOf = (
  { m, n, rank }: Pick<LoraModule, 'm' | 'n' | 'rank'>,
  { residual = 0 }: Pick<Decomposition, 'residual'>,
): Rest => ({ energy: residual, directions: residual > 0 ? Math.max(1, Math.min(m, n) - rank) : 0 });

/** Smaller errors are rounding in factors that are otherwise exact. */
const MIN_REPORTED = 1e-6;

/** Warnings about modules whose factors already are approximations before they are squeezed. */
export function residualWarnings(
  modules: readonly LoraModule[],
  decompositions: readonly Decomposition[],
): string[] {
  const errors = modules.flatMap(({ name, rank }, index) => {
    const { energy, residual = 0 } = decompositions[index]!;
    const error = energy > 0 ? Math.sqrt(residual / energy) : 0;
    return error > MIN_REPORTED ? [{ name, rank, error }] : [];
  });
  if (errors.length === 0) return [];
  const worst = errors.reduce((x, y) => (y.error > x.error ? y : x));
  return [
    `${errors.length} of ${counted(modules.length, 'module')} could only be read as approximations: no ` +
      `result can have a smaller relative error than ${worst.error.toPrecision(3)} in "${worst.name}" (read at ` +
      `rank ${worst.rank}). All errors include this.`,
  ];
}
