import type { LoraModule } from '../adapter/adapter.ts';
import type { Decomposition } from '../engine/kernel-types.ts';
import { counted } from '../errors/counted.ts';

/** The error of a singular value computed from Gram matrices, relative to ‖B‖·‖A‖. Half of this has been measured. */
const GRAM_NOISE = 2e-8;
/** Singular values with fewer digits are worth a warning. */
const ENOUGH_DIGITS = 5;

/** Accurate digits relative to σ₁, from the share of ‖B‖·‖A‖ that is left in ‖B·A‖; Infinity if both are zero. */
function digitsOf({ energy, residual = 0, energyB, energyA }: Decomposition): number {
  const left = Math.sqrt(Math.max(0, energy - residual) / (energyB * energyA));
  return left > 0 ? Math.max(0, Math.floor(Math.log10(left / GRAM_NOISE))) : Number.POSITIVE_INFINITY;
}

/** Warnings about modules whose factors nearly cancel, as those of a difference of two adapters do. */
export function cancellationWarnings(
  modules: readonly LoraModule[],
  decompositions: readonly Decomposition[],
): string[] {
  const found = modules.flatMap(({ name }, index) => {
    const digits = digitsOf(decompositions[index]!);
    return digits < ENOUGH_DIGITS ? [{ name, digits }] : [];
  });
  if (found.length === 0) return [];
  const worst = found.reduce((x, y) => (y.digits < x.digits ? y : x));
  return [
    `In ${found.length} of ${counted(modules.length, 'module')} the factors nearly cancel: ‖B·A‖ is far smaller than ` +
      `‖B‖·‖A‖, so the singular values are accurate to only a few digits relative to the largest one (${counted(worst.digits, 'digit')} in "${worst.name}"). ` +
      'Errors and ranks are based on them.',
  ];
}
