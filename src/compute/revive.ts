import { normals } from '../core/random.ts';

/**
 * Fills the rows of A that belong to directions of length zero with random numbers, B staying zero: ΔW does not change,
 * but a gradient can now move B. With both zero, as truncation leaves them, none ever could. The variance, 1/(3n), is
 * that of PEFT's initialisation (Kaiming uniform with a = √5).
 * @param a [k, columns], some columns of A, changed in place
 * @param sigma [k] or longer
 * @param whole n, the columns of the whole of A, and the first one that `a` has
 * @returns how many directions these are
 */
export function revive(
  a: Float32Array,
  sigma: Float64Array,
  k: number,
  { n, left }: { readonly n: number; readonly left: number },
  { seed, module }: { readonly seed: number; readonly module: string },
): number {
  const columns = a.length / k;
  const deviation = 1 / Math.sqrt(3 * n);
  let revived = 0;
  for (let direction = 0; direction < k; direction++) {
    if (sigma[direction]! > 0) continue;
    revived++;
    const row = normals(seed, `${module} direction ${direction}`, n);
    for (let column = 0; column < columns; column++) {
      a[direction * columns + column] = row[left + column]! * deviation;
    }
  }
  return revived;
}
