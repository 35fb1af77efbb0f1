/** Below this share of σ₁ a singular value may be rounding noise: Gram matrices square the condition number. */
export const RESOLUTION = 1e-7;

/** The part of an update that a spectrum leaves out: the energy of directions about which nothing else is known. */
export interface Rest {
  readonly energy: number;
  /** The largest possible number of these directions. */
  readonly directions: number;
}

export const NO_REST: Rest = { energy: 0, directions: 0 };

/**
 * Singular values in the form of a report: those below the resolution are 0.
 * @param sigma descending
 */
export function roundToResolution(sigma: ArrayLike<number>): number[] {
  const floor = (sigma[0] ?? 0) * RESOLUTION;
  return Array.from(sigma, (value) => (value > floor ? value : 0));
}

/**
 * The share of the energy in the first 1, 2, … directions.
 * @param sigma descending
 * @param energy ‖ΔW‖², which is known from the traces even if `sigma` is not complete; includes the part that the
 *   factors leave out
 */
export function energyCurve(sigma: ArrayLike<number>, energy: number): number[] {
  let sum = 0;
  return Array.from(sigma, (value) => {
    sum += value * value;
    return energy > 0 ? Math.min(1, sum / energy) : 1;
  });
}

/**
 * The least relative Frobenius error at rank k (Eckart & Young 1936), from a complete spectrum. It is summed from the
 * small end, so that it stays exact if almost nothing is cut.
 * @param restEnergy of the part that the spectrum leaves out, which is lost at any rank
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
 * The number of directions that the update effectively uses: exp of the entropy of σ/Σσ (Roy & Vetterli 2007, "The
 * effective rank"). Between 1 (one direction) and the number of singular values (all equal); 0 for an update of zero.
 * @param sigma the complete spectrum, or the known part of it; the result then refers to that part
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
 * Σσ² / σ₁² = ‖ΔW‖_F² / ‖ΔW‖₂² (Rudelson & Vershynin 2007): like the effective rank, but weak directions hardly
 * count. Between 1 and the number of singular values; 0 for an update of zero.
 * @param sigma the complete spectrum, descending
 * @param restEnergy of the part that the spectrum leaves out
 */
export function stableRank(sigma: ArrayLike<number>, restEnergy = 0): number {
  const largest = sigma[0] ?? 0;
  if (!(largest > 0)) return 0;
  let sum = restEnergy / largest / largest;
  for (let i = 0; i < sigma.length; i++) sum += (sigma[i]! / largest) ** 2;
  return sum;
}
