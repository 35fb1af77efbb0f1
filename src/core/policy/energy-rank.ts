/** Tolerates rounding if all of the energy is requested. */
const SLACK = 1e-12;

/**
 * The smallest rank at which the first directions hold `share` of the energy, at least 1.
 * @param sigma the complete spectrum, descending
 * @param share in (0, 1]
 * @param restEnergy of the part that the spectrum leaves out; if that makes the share unreachable, the result is the
 *   length of `sigma`
 */
export function energyRank(sigma: ArrayLike<number>, share: number, restEnergy = 0): number {
  let total = restEnergy;
  for (let i = 0; i < sigma.length; i++) total += sigma[i]! ** 2;
  const wanted = share * total * (1 - SLACK);
  let sum = 0;
  for (let rank = 1; rank <= sigma.length; rank++) {
    sum += sigma[rank - 1]! ** 2;
    if (sum >= wanted) return rank;
  }
  return Math.max(1, sigma.length);
}
