import { NO_REST, numericalRank, RESOLUTION, type Rest } from '../spectrum.ts';

/**
 * A curve that rises less than this above its chord has no bend worth the name. For comparison: singular values that
 * fall linearly to zero reach 0.38; two random factors of rank 64, whose spectrum is noise, 0.08 at 4096×4096.
 */
const LEAST_BEND = 0.1;

/** Gains below this are rounding: equal heights count as a tie, which the smaller rank wins. */
const SLACK = 1e-12;

/**
 * The rank where the spectrum bends: where the curve of kept energy over rank, both running from 0 to 1, lies highest
 * above its chord ("Kneedle", Satopää, Albrecht, Irwin & Raghavan 2011). Of equals, the smallest.
 *
 * Up to that rank each direction holds more than the average energy of a direction, beyond it less. Directions below
 * the resolution do not count, so that padding moves nothing. A spectrum without a bend (flat, or nearly so) gives all
 * its directions: none of them is less needed than the others. An update of zero gives 1.
 * @param sigma the complete spectrum, descending
 * @param rest what the spectrum leaves out: the curve goes on over so many directions, each below those that are known.
 * Where it would bend among them, all that are known. Below the resolution it is nothing.
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
  return highest < LEAST_BEND ? count : knee;
}
