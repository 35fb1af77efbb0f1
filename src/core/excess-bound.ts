/** Bounds for the energy that a sketch may have missed; see excessOutputs. */
export interface SketchBounds {
  /** An upper bound of the eigenvalues of ΔWΔWᵀ on the orthogonal complement of the sketch. */
  readonly missed: number;
  /** ‖ΔWΔWᵀ·Q − Q·K‖² of the sketch's basis Q and its core K = QᵀΔWΔWᵀQ. */
  readonly residual: number;
}

/** Bisections of the interval in which τ is searched. */
const STEPS = 60;

/**
 * An upper bound of how much the Σσ² of the best k directions can exceed that of the first k directions of a sketch.
 *
 * In the basis of the sketch and its orthogonal complement, ΔWΔWᵀ = [K Rᵀ; R M] ⪯ diag(K + RᵀR/τ, M + τ) for every
 * τ > 0. So no k of its eigenvalues (Ky Fan) add up to more than Σ max(σᵢ², missed + τ) + residual/τ.
 * @param sigma of the sketch, descending
 */
export function missedEnergyBound(
  sigma: Float64Array,
  rank: number,
  { missed, residual }: SketchBounds,
): number {
  const squares = sigma.subarray(0, rank).map((value) => value ** 2);
  const at = (tau: number): number =>
    squares.reduce((sum, value) => sum + Math.max(0, missed + tau - value), residual / tau);
  const largest = squares[0] ?? 0;
  if (!(largest > 0)) return missed * rank;
  // Every τ gives a bound. The best one is searched for on a logarithmic scale, on which the bound has a single
  // minimum.
  let [low, high] = [Math.log(largest * 1e-16), Math.log(largest)];
  for (let step = 0; step < STEPS; step++) {
    const [left, right] = [low + (high - low) / 3, high - (high - low) / 3];
    if (at(Math.exp(left)) < at(Math.exp(right))) high = right;
    else low = left;
  }
  return at(Math.exp(low));
}
