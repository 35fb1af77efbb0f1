/** A plane rotation of rows i and j. */
interface Rotation {
  readonly i: number;
  readonly j: number;
  readonly cosine: number;
  readonly sine: number;
}

/**
 * Random rotations whose product mixes all of `count` rows: the pairs of a butterfly (i and i + 1, 2, 4, …), so that
 * a row reaches every other after log₂ count layers. An orthogonal map for any count.
 */
export function rotations(count: number, next: () => number): readonly Rotation[] {
  const found: Rotation[] = [];
  for (let stride = 1; stride < count; stride *= 2) {
    for (let i = 0; i < count; i++) {
      const j = i + stride;
      if (Math.floor(i / stride) % 2 === 1 || j >= count) continue;
      const angle = 2 * Math.PI * next();
      found.push({ i, j, cosine: Math.cos(angle), sine: Math.sin(angle) });
    }
  }
  return found;
}

/** Applies the rotations in place to a row-major [count, length] matrix. */
export function rotateRows(matrix: Float32Array, length: number, all: readonly Rotation[]): void {
  for (const { i, j, cosine, sine } of all) {
    const x = matrix.subarray(i * length, (i + 1) * length);
    const y = matrix.subarray(j * length, (j + 1) * length);
    for (let at = 0; at < length; at++) {
      const above = x[at]!;
      const below = y[at]!;
      x[at] = cosine * above - sine * below;
      y[at] = sine * above + cosine * below;
    }
  }
}
