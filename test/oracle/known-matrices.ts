import { type Matrix, matrix, multiply, transpose } from './linear-algebra.ts';

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Independent standard normals from a seed (Box–Muller). */
export function gaussianMatrix(rows: number, columns: number, seed: number): Matrix {
  const next = uniform(seed);
  const result = matrix(rows, columns);
  for (let i = 0; i < result.data.length; i++) {
    result.data[i] = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  }
  return result;
}

/** Orthonormal columns (Gram–Schmidt, done twice, on normals). Needs rows ≥ columns. */
export function orthonormalColumns(rows: number, columns: number, seed: number): Matrix {
  if (rows < columns) throw new Error(`${rows} rows cannot hold ${columns} orthonormal columns`);
  const vectors = gaussianMatrix(columns, rows, seed);
  const row = (i: number) => vectors.data.subarray(i * rows, (i + 1) * rows);
  for (let i = 0; i < columns; i++) {
    const vector = row(i);
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < i; k++) {
        const earlier = row(k);
        let inner = 0;
        for (let at = 0; at < rows; at++) inner += vector[at]! * earlier[at]!;
        for (let at = 0; at < rows; at++) vector[at] = vector[at]! - inner * earlier[at]!;
      }
    }
    const length = Math.hypot(...vector);
    for (let at = 0; at < rows; at++) vector[at] = vector[at]! / length;
  }
  return transpose(vectors);
}

/**
 * LoRA factors B [m, r] and A [r, n] whose product has exactly these r singular values. The inner space is
 * mixed by a well-conditioned random matrix, so that the factors resemble trained ones: neither orthogonal
 * nor balanced.
 */
export function factorsWithSpectrum(m: number, n: number, sigma: readonly number[], seed: number) {
  const r = sigma.length;
  const rotation = orthonormalColumns(r, r, seed + 1);
  const stretch = Array.from({ length: r }, (_, i) => 1 + (3 * i) / r);
  const left = multiply(diagonal(sigma.map(Math.sqrt)), multiply(rotation, diagonal(stretch)));
  const right = multiply(
    multiply(diagonal(stretch.map((value) => 1 / value)), transpose(rotation)),
    diagonal(sigma.map(Math.sqrt)),
  );
  return {
    b: multiply(orthonormalColumns(m, r, seed + 2), left),
    a: multiply(right, transpose(orthonormalColumns(n, r, seed + 3))),
  };
}

export function diagonal(values: readonly number[]): Matrix {
  const result = matrix(values.length, values.length);
  values.forEach((value, i) => {
    result.data[i * values.length + i] = value;
  });
  return result;
}

/** The ill-conditioned matrix of 1/(i + j + 1). */
export function hilbert(rows: number, columns: number): Matrix {
  return matrix(
    rows,
    columns,
    Array.from({ length: rows * columns }, (_, at) => 1 / (Math.floor(at / columns) + (at % columns) + 1)),
  );
}
