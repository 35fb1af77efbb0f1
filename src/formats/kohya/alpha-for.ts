/**
 * alpha with alpha / rank = scale. Dividing and multiplying may leave the last bit wrong, so a whole number or a float32
 * is taken where it gives exactly the scale: what a file said comes back as it was.
 */
export function alphaFor(scale: number, rank: number): number {
  const alpha = scale * rank;
  const same = [Math.round(alpha), Math.fround(alpha)].find((value) => value / rank === scale);
  return same ?? alpha;
}
