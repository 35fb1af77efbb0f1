/**
 * A module is dead if its energy is at most this share of the mean energy of the modules. All dead modules together
 * then have less than a millionth of the total energy, so leaving them out costs less than 0.1 % relative error.
 */
const DEAD_ENERGY_SHARE = 1e-6;

/**
 * Whether a module's update is zero or almost zero.
 * @param energy ‖ΔW‖² of the module
 * @param meanEnergy the mean of ‖ΔW‖² over all modules of the adapter
 */
export const isDead = (energy: number, meanEnergy: number): boolean =>
  energy <= DEAD_ENERGY_SHARE * meanEnergy;

/** The mean; 0 for no values. */
export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/**
 * √(mean of lost/energy): the root mean square, over the modules that are not dead, of their own relative errors. Every
 * such module has the same weight, however large its update is. 0 if all modules are dead.
 * @param energies ‖ΔW‖² of every module
 * @param lost ‖ΔW − ΔW′‖² of every module, in the same order
 */
export function moduleRelativeError(energies: readonly number[], lost: readonly number[]): number {
  const mean = meanOf(energies);
  let [shares, count] = [0, 0];
  for (let i = 0; i < energies.length; i++) {
    const energy = energies[i]!;
    if (isDead(energy, mean)) continue;
    shares += lost[i]! / energy;
    count++;
  }
  return Math.sqrt(shares / Math.max(1, count));
}
