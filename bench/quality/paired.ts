/** Statistics of differences that are paired by seed. */

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of a sample (n − 1); 0 for a single value. */
export function standardDeviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/** Student's t, 97.5 %, for 1 to 19 degrees of freedom. */
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093,
];

/** Half of the 95 % interval of the mean, by Student's t; 0 for a single value. */
export function halfInterval(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const t = T[values.length - 2];
  if (t === undefined) throw new RangeError(`${values.length} values, at most ${T.length + 1}`);
  return (t * standardDeviation(values)) / Math.sqrt(values.length);
}

/** 2²⁰ sign patterns take a fraction of a second. */
const MAX_PAIRS = 20;

/**
 * Exact two-sided p-value of the sign-flip test: if the methods were equal, each difference could as well have had
 * the other sign. The share of all sign patterns whose mean is as far from zero as the one seen; at least 2/2ⁿ.
 * @throws RangeError above 20 pairs
 */
export function signFlipP(differences: readonly number[]): number {
  const count = differences.length;
  if (count > MAX_PAIRS) throw new RangeError(`${count} pairs, at most ${MAX_PAIRS}`);
  const seen = Math.abs(differences.reduce((sum, value) => sum + value, 0));
  // Sums of the same numbers in another order differ by rounding.
  const least = seen - 1e-9 * differences.reduce((sum, value) => sum + Math.abs(value), 0);
  let asFar = 0;
  for (let pattern = 0; pattern < 2 ** count; pattern++) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += (pattern >> i) & 1 ? differences[i]! : -differences[i]!;
    if (Math.abs(sum) >= least) asFar++;
  }
  return asFar / 2 ** count;
}

/** Holm's correction: p-values for a family of tests, in the order given. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((i, j) => pValues[i]! - pValues[j]!);
  const corrected = new Array<number>(pValues.length);
  let floor = 0;
  order.forEach((index, place) => {
    floor = Math.max(floor, Math.min(1, (pValues.length - place) * pValues[index]!));
    corrected[index] = floor;
  });
  return corrected;
}
