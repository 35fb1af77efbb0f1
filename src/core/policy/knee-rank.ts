import { NO_REST, numericalRank, RESOLUTION, type Rest } from '../spectrum.ts';

/**
 * A curve that rises less than this above its chord has no significant bend. For comparison: singular values that
 * fall linearly to zero reach 0.38; two random factors of rank 64, whose spectrum is noise, reach 0.08 at 4096×4096.
 */
const MIN_BEND = 0.1;

/** Smaller gains are rounding: equal heights count as a tie, which the smaller rank wins. */
const SLACK = 1e-12;

/**
 * The rank at which the spectrum bends: where the curve of kept energy over rank, both from 0 to 1, lies highest
 * above its chord ("Kneedle", Satopää, Albrecht, Irwin & Raghavan 2011). Of equal ranks, the smallest.
 *
 * Up to that rank, each direction holds more than the average energy of a direction; beyond it, less. Directions
 * below the resolution do not count, so padding changes nothing. A spectrum without a bend (flat, or nearly so) gives
 * all its directions, because none of them is less needed than the others. An update of zero gives 1.
 * @param sigma the complete spectrum, descending
 * @param rest the part that the spectrum leaves out: the curve continues over its directions, each weaker than the
 *   known ones. If it would bend among them, the result is the number of all known directions. Below the resolution
 *   it is ignored.
 */
export function kneeRank(sigma: ArrayLike<number>, rest: Rest = NO_REST): number {
  const count = numericalRank(sigma);
  if (count <= 1) return 1;
  const energies = Array.from({ length: count }, (_, i) => (sigma[i]! / sigma[0]!) ** 2);
  const restEnergy = rest.energy / sigma[0]! / sigma[0]!;
  const isNothing = restEnergy <= RESOLUTION ** 2 * rest.directions;
  const all = isNothing ? count : count + rest.directions;
  const total = energies.reduce((sum, energy) => sum + energy, isNothing ? 0 : restEnergy);
  let kept = 0;
  let knee = count;
  let highest = 0;
  for (const [index, energy] of energies.entries()) {
    kept += energy;
    const height = kept / total - (index + 1) / all;
    if (height > highest + SLACK) [knee, highest] = [index + 1, height];
  }
  return highest < MIN_BEND ? count : knee;
}
