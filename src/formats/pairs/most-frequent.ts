/**
 * The most frequent value; the first of equally frequent ones.
 * @param values at least one
 */
export function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((x, y) => (y[1] > x[1] ? y : x))[0];
}
