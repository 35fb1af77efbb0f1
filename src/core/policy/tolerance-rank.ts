import { numericalRank } from '../spectrum.ts';

/** Forgives rounding when the tolerance is met exactly. */
const SLACK = 1e-12;

/**
 * The smallest rank whose truncation has at most the relative Frobenius error `tolerance`, at least 1. What lies below
 * the resolution is never needed, so 0 means: all that can be told from zero.
 * @param sigma the complete spectrum, descending
 * @param tolerance in [0, 1)
 * @param restEnergy of what the spectrum leaves out; where that alone is too much, all that can be told from zero
 */
export function toleranceRank(sigma: ArrayLike<number>, tolerance: number, restEnergy = 0): number {
  const largest = sigma[0] ?? 0;
  if (!(largest > 0)) return 1;
  const rest = restEnergy / largest / largest;
  let total = rest;
  for (let i = sigma.length - 1; i >= 0; i--) total += (sigma[i]! / largest) ** 2;
  const allowed = tolerance * tolerance * total * (1 + SLACK);
  let rank = sigma.length;
  // From the small end, so that the error stays exact when almost nothing is cut.
  for (let tail = rest; rank > 1; rank--) {
    tail += (sigma[rank - 1]! / largest) ** 2;
    if (tail > allowed) break;
  }
  return Math.max(1, Math.min(rank, numericalRank(sigma)));
}
