import { numericalRank } from '../spectrum.ts';

/** Tolerates rounding if the tolerance is met exactly. */
const SLACK = 1e-12;

/**
 * The smallest rank whose truncation has a relative Frobenius error of at most `tolerance`, at least 1. Directions
 * below the resolution are never needed, so 0 means all directions that can be distinguished from zero.
 * @param sigma the complete spectrum, descending
 * @param tolerance in [0, 1)
 * @param restEnergy of the part that the spectrum leaves out; if that alone exceeds the tolerance, the result is all
 *   directions that can be distinguished from zero
 */
export function toleranceRank(sigma: ArrayLike<number>, tolerance: number, restEnergy = 0): number {
  const largest = sigma[0] ?? 0;
  if (!(largest > 0)) return 1;
  const rest = restEnergy / largest / largest;
  let total = rest;
  for (let i = sigma.length - 1; i >= 0; i--) total += (sigma[i]! / largest) ** 2;
  const allowed = tolerance * tolerance * total * (1 + SLACK);
  let rank = sigma.length;
  // From the small end, so that the error stays exact if almost nothing is cut.
  for (let tail = rest; rank > 1; rank--) {
    tail += (sigma[rank - 1]! / largest) ** 2;
    if (tail > allowed) break;
  }
  return Math.max(1, Math.min(rank, numericalRank(sigma)));
}
