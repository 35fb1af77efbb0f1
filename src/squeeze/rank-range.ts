/** Ranks in words: "8", or "4 to 16". */
export function rankRange(ranks: readonly number[]): string {
  const [min, max] = [Math.min(...ranks), Math.max(...ranks)];
  return min === max ? `${max}` : `${min} to ${max}`;
}
