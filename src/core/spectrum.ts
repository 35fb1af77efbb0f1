/** Below this share of σ₁ a singular value may be rounding noise: Gram matrices square the condition number. */
export const RESOLUTION = 1e-7;

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
 * @param energy ‖ΔW‖², known from the traces even where `sigma` is not complete
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
 */
export function truncationError(sigma: ArrayLike<number>, rank: number): number {
  let tail = 0;
  for (let i = sigma.length - 1; i >= rank; i--) tail += sigma[i]! ** 2;
  let total = tail;
  for (let i = Math.min(rank, sigma.length) - 1; i >= 0; i--) total += sigma[i]! ** 2;
  return total > 0 ? Math.sqrt(tail / total) : 0;
}
