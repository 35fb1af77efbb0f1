import { NO_REST, numericalRank, type Rest } from '../spectrum.ts';

/** Tolerates rounding if a share is met exactly. */
const SLACK = 1e-12;

/**
 * The smallest rank at which the first singular values add up to `share` of Σσ, at least 1. kohya's sv_cumulative
 * keeps one direction more (kohya-rank.ts).
 * Values below the resolution do not count: they may be noise, and many of them would add up.
 * @param sigma the complete spectrum, descending
 * @param share in (0, 1]
 * @param rest the part that the spectrum leaves out: its Σσ is at most √(energy · directions) (Cauchy–Schwarz), and
 *   counts as that, so that the share is kept in any case
 */
export function cumulativeRank(sigma: ArrayLike<number>, share: number, rest: Rest = NO_REST): number {
  const count = numericalRank(sigma);
  let total = Math.sqrt(rest.energy * rest.directions);
  for (let i = 0; i < count; i++) total += sigma[i]!;
  const wanted = share * total * (1 - SLACK);
  let sum = 0;
  for (let rank = 1; rank <= count; rank++) {
    sum += sigma[rank - 1]!;
    if (sum >= wanted) return rank;
  }
  return Math.max(1, count);
}
