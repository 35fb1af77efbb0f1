import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Kernels } from '../../src/engine/kernels.ts';
import fc from '../fast-check.ts';
import { diagonal, gaussianMatrix, orthonormalColumns } from '../oracle/known-matrices.ts';
import { frobenius, type Matrix, matrix, multiply, scaled, transpose } from '../oracle/linear-algebra.ts';
import { asFloat32 } from './problem.ts';

const kernels = new Kernels('cpu');
after(() => kernels.close());

const asFloat64 = ({ rows, columns, data }: Matrix) => ({ rows, columns, data });
const off = (x: ArrayLike<number>, y: Matrix): number =>
  frobenius(
    matrix(
      y.rows,
      y.columns,
      y.data.map((value, i) => value - x[i]!),
    ),
  ) / Math.max(frobenius(y), 1e-300);

/** How far QᵀQ is from the identity, except for columns of zeros. */
function awayFromOrthonormal(q: Matrix): number {
  const gram = multiply(transpose(q), q);
  for (let i = 0; i < q.columns; i++)
    if (gram.data[i * q.columns + i] !== 0) gram.data[i * q.columns + i]! -= 1;
  return frobenius(gram);
}
const lengthOfColumn = (q: Matrix, j: number): number =>
  Math.hypot(...Array.from({ length: q.rows }, (_, i) => q.data[i * q.columns + j]!));

describe('an orthonormal basis', () => {
  const basis = async (x: Matrix): Promise<Matrix> =>
    matrix(x.rows, x.columns, await kernels.derive.orthonormal(asFloat64(x)));
  /** The part of x outside the span of q, relative to x. */
  const outside = (q: Matrix, x: Matrix): number => off(multiply(q, multiply(transpose(q), x)).data, x);

  it('spans the columns, whatever their norms', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 32, max: 80 }),
        fc.integer({ min: -60, max: 60 }),
        async (rows, power) => {
          const x = scaled(gaussianMatrix(rows, 32, rows), 10 ** power);
          const q = await basis(x);
          assert.ok(awayFromOrthonormal(q) < 1e-12);
          assert.ok(outside(q, x) < 1e-13);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('distinguishes mixtures of steep directions', async () => {
    const sigma = Array.from({ length: 32 }, (_, i) => 0.5 ** i);
    const x = multiply(multiply(orthonormalColumns(90, 32, 1), diagonal(sigma)), gaussianMatrix(32, 32, 2));
    const q = await basis(x);
    assert.ok(awayFromOrthonormal(q) < 1e-12);
    for (let j = 0; j < 32; j++)
      assert.ok(Math.abs(lengthOfColumn(q, j) - 1) < 1e-12, `column ${j} is missing`);
  });

  it('has zeros where columns depend on others, and where there are more columns than rows', async () => {
    const low = multiply(gaussianMatrix(50, 5, 1), gaussianMatrix(5, 32, 2));
    for (const [x, rank] of [
      [low, 5],
      [gaussianMatrix(7, 16, 3), 7],
      [matrix(20, 16), 0],
    ] as const) {
      const q = await basis(x);
      // The norm of a column of rounding is only as exact as rounding allows.
      assert.ok(awayFromOrthonormal(q) < 1e-10);
      const found = Array.from({ length: x.columns }, (_, j) => lengthOfColumn(q, j)).filter(
        (length) => length > 0,
      );
      // A column that is only rounding may pass as independent; it is orthogonal to the others, and so does
      // no harm.
      assert.ok(
        found.length >= rank && found.length <= Math.min(x.rows, rank + 2),
        `${found.length} for ${rank}`,
      );
      if (rank === 0) assert.equal(found.length, 0);
      if (rank > 0) assert.ok(outside(q, x) < 1e-12);
    }
  });
});

describe('sums over blocks of rows', () => {
  it('are products with the matrix and its transpose, of numbers of both widths', async () => {
    const [w, x, q] = [gaussianMatrix(9, 13, 1), gaussianMatrix(13, 16, 2), gaussianMatrix(9, 16, 3)];
    const rounded = asFloat32(w);
    const exact = matrix(9, 13, rounded.data);
    const before = gaussianMatrix(13, 16, 4);
    for (const rows of [rounded, asFloat64(exact)]) {
      assert.ok(off(await kernels.derive.times(rows, x), multiply(exact, x)) < 1e-15);
      const sum = multiply(transpose(exact), q);
      for (let i = 0; i < sum.data.length; i++) sum.data[i]! += before.data[i]!;
      assert.ok(off(await kernels.derive.transposedTimes(rows, q, before), sum) < 1e-15);
      const energy = await kernels.derive.energy(rows);
      assert.ok(Math.abs(energy / frobenius(exact) ** 2 - 1) < 1e-14);
    }
  });

  it('measure a small distance between large matrices', async () => {
    const [b, a] = [asFloat32(gaussianMatrix(9, 3, 1)), asFloat32(gaussianMatrix(3, 8, 2))];
    const product = multiply(matrix(9, 3, b.data), matrix(3, 8, a.data));
    const near = matrix(
      9,
      8,
      product.data.map((value, i) => value + (i % 2 ? 1e-9 : -1e-9)),
    );
    const distance = await kernels.derive.distance(asFloat64(near), b, a);
    assert.ok(Math.abs(distance / (72 * 1e-18) - 1) < 1e-5, `${distance}`);
  });
});
