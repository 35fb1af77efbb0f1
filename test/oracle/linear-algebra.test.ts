import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../fast-check.ts';
import {
  diagonal,
  factorsWithSpectrum,
  gaussianMatrix,
  hilbert,
  orthonormalColumns,
} from './known-matrices.ts';
import {
  differenceNorm,
  frobenius,
  type Matrix,
  matrix,
  multiply,
  optimalTruncation,
  productNorm,
  qrFactorR,
  scaled,
  singularValues,
  singularValuesOfProduct,
  tailShare,
  transpose,
} from './linear-algebra.ts';

const close = (actual: number, expected: number, tolerance: number, what = '') =>
  assert.ok(
    Math.abs(actual - expected) <= tolerance,
    `${what} ${actual}, expected ${expected} ± ${tolerance}`,
  );

function closeSpectrum(actual: Float64Array, expected: readonly number[], tolerance: number) {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, i) => {
    close(actual[i]!, value, tolerance * expected[0]!, `σ[${i}]`);
  });
}

const minus = (x: Matrix, y: Matrix) =>
  matrix(
    x.rows,
    x.columns,
    x.data.map((value, i) => value - y.data[i]!),
  );

describe('oracle: singular values', () => {
  it('of a 2×2 matrix, as calculated by hand', () => {
    // [[3, 0], [4, 5]]: σ² are the eigenvalues 45 and 5 of MᵀM.
    closeSpectrum(singularValues(matrix(2, 2, [3, 0, 4, 5])), [Math.sqrt(45), Math.sqrt(5)], 1e-15);
  });

  it('of the 5×5 Hilbert matrix, to the digits in the literature', () => {
    // Eigenvalues of the symmetric positive definite H₅ (Fettis & Caslin 1967).
    const expected = [
      1.567050691098231, 0.2085342186110133, 0.01140749162341981, 3.058980401511917e-4, 3.287928772171574e-6,
    ];
    closeSpectrum(singularValues(hilbert(5, 5)), expected, 1e-15);
  });

  it('of wide, tall, zero, one-row and one-column matrices', () => {
    assert.deepEqual([...singularValues(matrix(2, 3, [0, 0, 2, 0, 3, 0]))], [3, 2]);
    assert.deepEqual([...singularValues(matrix(3, 2, [0, 0, 0, 3, 2, 0]))], [3, 2]);
    assert.deepEqual([...singularValues(matrix(3, 2))], [0, 0]);
    close(singularValues(matrix(1, 3, [1, 2, 2]))[0]!, 3, 1e-15);
    close(singularValues(matrix(3, 1, [1, 2, 2]))[0]!, 3, 1e-15);
  });

  it('finds repeated values and the exact zeros of a rank-deficient matrix', () => {
    const sigma = [4, 2, 2, 2, 1, 0, 0];
    const m = multiply(
      multiply(orthonormalColumns(31, 7, 1), diagonal(sigma)),
      transpose(orthonormalColumns(19, 7, 2)),
    );
    closeSpectrum(singularValues(m).subarray(0, 7), sigma, 1e-14);
    assert.ok(
      singularValues(m)
        .subarray(7)
        .every((value) => value < 1e-14),
    );
  });

  it('distinguishes small values from rounding over 12 orders of magnitude', () => {
    const sigma = Array.from({ length: 13 }, (_, i) => 10 ** -i);
    const m = multiply(
      multiply(orthonormalColumns(60, 13, 3), diagonal(sigma)),
      orthonormalColumns(13, 13, 4),
    );
    closeSpectrum(singularValues(m), sigma, 1e-15);
  });

  it('neither overflows nor underflows', () => {
    for (const scale of [1e-160, 1e160]) {
      const [first, second] = singularValues(scaled(matrix(2, 2, [3, 0, 4, 5]), scale));
      close(first! / scale, Math.sqrt(45), 1e-14);
      close(second! / scale, Math.sqrt(5), 1e-14);
    }
  });

  it('keep their invariants on any matrix', () => {
    const shape = fc.record({
      rows: fc.integer({ min: 1, max: 12 }),
      columns: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(shape, fc.integer(), ({ rows, columns }, seed) => {
        const m = gaussianMatrix(rows, columns, seed);
        const sigma = singularValues(m);
        assert.equal(sigma.length, Math.min(rows, columns));
        assert.deepEqual(
          [...sigma],
          [...sigma].sort((x, y) => y - x),
        );
        close(Math.hypot(...sigma), frobenius(m), 1e-13 * frobenius(m), 'Σσ²');
        closeSpectrum(singularValues(transpose(m)), [...sigma], 1e-13);
        if (rows === columns) {
          // |det| = Πσ, with the determinant from R.
          const r = qrFactorR(m);
          const determinant = Array.from({ length: rows }, (_, i) => r.data[i * rows + i]!);
          const product = (values: number[]) => values.reduce((all, value) => all * value, 1);
          close(
            Math.abs(product(determinant)),
            product([...sigma]),
            1e-12 * sigma[0]! ** rows,
            'determinant',
          );
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('oracle: QR', () => {
  it('gives an upper triangle with the Gram matrix of the source', () => {
    for (const [rows, columns] of [
      [20, 6],
      [6, 6],
      [4, 9],
    ] as const) {
      const m = gaussianMatrix(rows, columns, rows);
      const r = qrFactorR(m);
      assert.deepEqual([r.rows, r.columns], [Math.min(rows, columns), columns]);
      for (let i = 0; i < r.rows; i++) for (let j = 0; j < i; j++) assert.equal(r.data[i * columns + j], 0);
      const gap = minus(multiply(transpose(r), r), multiply(transpose(m), m));
      assert.ok(frobenius(gap) < 1e-13 * frobenius(m) ** 2);
    }
  });
});

describe('oracle: products of LoRA factors', () => {
  const sigma = Array.from({ length: 16 }, (_, i) => (i + 1) ** -0.7);
  const { b, a } = factorsWithSpectrum(90, 70, sigma, 11);

  it('have their original spectrum', () => {
    closeSpectrum(singularValuesOfProduct(b, a), sigma, 1e-14);
    closeSpectrum(singularValues(multiply(b, a)).subarray(0, 16), sigma, 1e-14);
    close(productNorm(b, a, -2), 2 * Math.hypot(...sigma), 1e-14 * 10);
  });

  it('have min(m, r, n) singular values if the rank exceeds the matrix', () => {
    const wide = gaussianMatrix(3, 8, 1);
    const high = gaussianMatrix(8, 5, 2);
    closeSpectrum(singularValuesOfProduct(wide, high), [...singularValues(multiply(wide, high))], 1e-14);
    assert.equal(singularValuesOfProduct(gaussianMatrix(4, 2, 3), gaussianMatrix(2, 1, 4)).length, 1);
  });

  it('have the optimal error of Eckart and Young, whatever the scale', () => {
    const expected = Math.hypot(...sigma.slice(5)) / Math.hypot(...sigma);
    for (const scale of [1, -3, 1e-30, 1e30]) close(optimalTruncation(b, a, scale, 5), expected, 1e-14);
    assert.equal(optimalTruncation(b, a, 0, 5), 0);
    assert.equal(optimalTruncation(matrix(9, 2), gaussianMatrix(2, 9, 1), 1, 1), 0);
    assert.ok(optimalTruncation(b, a, 1, 16) === 0);
    assert.ok(optimalTruncation(b, a, 1, 99) === 0);
    assert.equal(tailShare(new Float64Array([3, 4]), 0), 1);
  });

  it('differ by as much as the products that are formed', () => {
    const b2 = gaussianMatrix(90, 4, 21);
    const a2 = gaussianMatrix(4, 70, 22);
    const formed = frobenius(minus(scaled(multiply(b, a), 1.5), scaled(multiply(b2, a2), -0.25)));
    close(differenceNorm(b, a, 1.5, b2, a2, -0.25), formed, 1e-13 * formed);
  });

  it('differ by the optimal error if one is the truncation of the other', () => {
    const tall = orthonormalColumns(90, 16, 31);
    const wide = transpose(orthonormalColumns(70, 16, 32));
    const cut = (rank: number) => diagonal(sigma.map((value, i) => (i < rank ? value : 0)));
    const full = multiply(tall, cut(16));
    for (const rank of [1, 5, 15]) {
      const error = differenceNorm(full, wide, 2, multiply(tall, cut(rank)), wide, 2);
      const optimum = optimalTruncation(full, wide, 2, rank);
      close(error / productNorm(full, wide, 2), optimum, 1e-13 * optimum);
    }
  });

  it('resolve a difference of 1e-9 to seven digits, which Gram matrices would miss', () => {
    const nudge = gaussianMatrix(90, 16, 41);
    const size = 1e-9 / productNorm(nudge, a);
    const moved = matrix(
      90,
      16,
      b.data.map((value, i) => value + size * nudge.data[i]!),
    );
    close(differenceNorm(b, a, 1, moved, a, 1), 1e-9, 1e-15);
    assert.ok(differenceNorm(b, a, 1, b, a, 1) < 1e-14);
  });

  it('refuse shapes that do not fit', () => {
    assert.throws(() => singularValuesOfProduct(b, transpose(a)), /16 columns.*70 rows/);
    assert.throws(
      () => differenceNorm(b, a, 1, gaussianMatrix(3, 2, 1), gaussianMatrix(2, 70, 1), 1),
      /3×70/,
    );
    assert.throws(() => multiply(b, b), /cannot multiply/);
    assert.throws(() => matrix(2, 2, [1]), /1 values/);
  });
});
