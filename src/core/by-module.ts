/**
 * A module is dead at or below this share of the mean energy of the modules: all dead ones together then hold less than
 * a millionth of the whole, so that leaving them out costs less than 0.1 % relative error.
 */
export const DEAD_ENERGY_SHARE = 1e-6;

/**
 * Whether a module's update is zero or next to it.
 * @param energy ‖ΔW‖² of the module
 * @param meanEnergy the mean of that over all modules of the adapter
 */
export const isDead = (energy: number, meanEnergy: number): boolean =>
  energy <= DEAD_ENERGY_SHARE * meanEnergy;

/** The mean over all modules; 0 of none. */
export const meanOf = (energies: readonly number[]): number =>
  energies.reduce((sum, energy) => sum + energy, 0) / Math.max(1, energies.length);
