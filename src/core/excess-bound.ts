/** What a sketch may have failed to capture; see excessOutputs. */
export interface Sketched {
  /** No eigenvalue of ΔWΔWᵀ on what is orthogonal to the sketch is larger. */
  readonly missed: number;
  /** ‖ΔWΔWᵀ·Q − Q·K‖² of the sketch's basis Q and its core K = QᵀΔWΔWᵀQ. */
  readonly residual: number;
}

/** Halvings of the interval that is searched. */
const STEPS = 60;

/**
 * The most that Σσ² of the k best directions can exceed what the first k of a sketch hold.
 *
 * In the basis of the sketch and what is orthogonal to it, ΔWΔWᵀ = [K Rᵀ; R M] ⪯ diag(K + RᵀR/τ, M + τ) for every τ > 0. So no k
 * of its eigenvalues (Ky Fan) sum up to more than Σ max(σᵢ², missed + τ) + residual/τ.
 * @param sigma of the sketch, descending
 */
export function mostMissed(sigma: Float64Array, rank: number, { missed, residual }: Sketched): number {
  const squares = sigma.subarray(0, rank).map((value) => value ** 2);
  const at = (tau: number): number =>
    squares.reduce((sum, value) => sum + Math.max(0, missed + tau - value), residual / tau);
  const largest = squares[0] ?? 0;
  if (!(largest > 0)) return missed * rank;
  // Every τ gives a bound. The best is searched for by its logarithm, of which the bound has one minimum.
  let [low, high] = [Math.log(largest * 1e-16), Math.log(largest)];
  for (let step = 0; step < STEPS; step++) {
    const [left, right] = [low + (high - low) / 3, high - (high - low) / 3];
    if (at(Math.exp(left)) < at(Math.exp(right))) high = right;
    else low = left;
  }
  return at(Math.exp(low));
}
