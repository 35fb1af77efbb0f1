/** Below this share of σ₁ a singular value may be rounding noise: Gram matrices square the condition number. */
export const RESOLUTION = 1e-7;

/** The part of an update that a spectrum leaves out: the energy of directions about which nothing else is known. */
export interface Rest {
  readonly energy: number;
  /** How many they are at most. */
  readonly directions: number;
}

export const NO_REST: Rest = { energy: 0, directions: 0 };

/**
 * Singular values as a report may state them: what is below the resolution is 0.
 * @param sigma descending
 */
export function resolved(sigma: ArrayLike<number>): number[] {
  const floor = (sigma[0] ?? 0) * RESOLUTION;
  return Array.from(sigma, (value) => (value > floor ? value : 0));
}

/**
 * Share of the energy that the first 1, 2, … directions hold.
 * @param sigma descending
 * @param energy ‖ΔW‖², known from the traces even where `sigma` is not complete; with what the factors leave out
 */
export function energyCurve(sigma: ArrayLike<number>, energy: number): number[] {
  let sum = 0;
  return Array.from(sigma, (value) => {
    sum += value * value;
    return energy > 0 ? Math.min(1, sum / energy) : 1;
  });
}

/**
 * Least relative Frobenius error at rank k (Eckart & Young 1936), from a complete spectrum. Summed from the small end,
 * so that it stays exact when almost nothing is cut.
 * @param restEnergy of what the spectrum leaves out, lost at any rank
 */
export function truncationError(sigma: ArrayLike<number>, rank: number, restEnergy = 0): number {
  let tail = restEnergy;
  for (let i = sigma.length - 1; i >= rank; i--) tail += sigma[i]! ** 2;
  let total = tail;
  for (let i = Math.min(rank, sigma.length) - 1; i >= 0; i--) total += sigma[i]! ** 2;
  return total > 0 ? Math.sqrt(tail / total) : 0;
}

/** The number of singular values above the resolution: the rank of the update, as far as it can be measured. */
export function numericalRank(sigma: ArrayLike<number>): number {
  const floor = (sigma[0] ?? 0) * RESOLUTION;
  let rank = 0;
  while (rank < sigma.length && sigma[rank]! > floor) rank++;
  return rank;
}

/**
 * How many directions the update really uses: exp of the entropy of σ/Σσ (Roy & Vetterli 2007, "The effective rank").
 * Between 1 (one direction) and the number of singular values (all alike); 0 for an update of zero.
 * @param sigma the complete spectrum, or as much as is known: the result is then that of what is known
 */
export function effectiveRank(sigma: ArrayLike<number>): number {
  const largest = sigma[0] ?? 0;
  if (!(largest > 0)) return 0;
  let sum = 0;
  for (let i = 0; i < sigma.length; i++) sum += sigma[i]! / largest;
  let entropy = 0;
  for (let i = 0; i < sigma.length; i++) {
    const share = sigma[i]! / largest / sum;
    if (share > 0) entropy -= share * Math.log(share);
  }
  return Math.exp(entropy);
}

/**
 * Σσ² / σ₁² = ‖ΔW‖_F² / ‖ΔW‖₂² (Rudelson & Vershynin 2007): like the effective rank, but weak directions hardly count.
 * Between 1 and the number of singular values; 0 for an update of zero.
 * @param sigma the complete spectrum, descending
 * @param restEnergy of what the spectrum leaves out
 */
export function stableRank(sigma: ArrayLike<number>, restEnergy = 0): number {
  const largest = sigma[0] ?? 0;
  if (!(largest > 0)) return 0;
  let sum = restEnergy / largest / largest;
  for (let i = 0; i < sigma.length; i++) sum += (sigma[i]! / largest) ** 2;
  return sum;
}
