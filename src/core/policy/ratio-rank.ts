/**
 * The number of singular values above σ₁ / ratio, at least 1. kohya's sv_ratio keeps one direction more
 * (kohya-rank.ts).
 * @param sigma the complete spectrum, descending
 * @param ratio at least 1
 */
export function ratioRank(sigma: ArrayLike<number>, ratio: number): number {
  const threshold = (sigma[0] ?? 0) / ratio;
  let rank = 0;
  while (rank < sigma.length && sigma[rank]! > threshold) rank++;
  return Math.max(1, rank);
}
