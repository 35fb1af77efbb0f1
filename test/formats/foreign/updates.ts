import { diagonal } from '../../oracle/known-matrices.ts';
import { frobenius, type Matrix, matrix } from '../../oracle/linear-algebra.ts';

/** ‖X − Y‖ / ‖X‖ */
export const relativeDifference = (expected: Matrix, { data }: Pick<Matrix, 'data'>): number =>
  frobenius(
    matrix(
      expected.rows,
      expected.columns,
      data.map((value, at) => value - expected.data[at]!),
    ),
  ) / frobenius(expected);

export const identity = (size: number): Matrix => diagonal(Array.from({ length: size }, () => 1));

export const sum = ({ rows, columns, data }: Matrix, other: Matrix): Matrix =>
  matrix(
    rows,
    columns,
    data.map((value, at) => value + other.data[at]!),
  );

/** m·(W + ΔW)/‖…‖, row by row. @param divisor the matrix whose rows have the norms */
export function decomposed(merged: Matrix, magnitudes: Float64Array, divisor: Matrix): Matrix {
  const { rows, columns } = merged;
  const result = matrix(rows, columns, merged.data.slice());
  for (let row = 0; row < rows; row++) {
    const [from, to] = [row * columns, (row + 1) * columns];
    const factor = magnitudes[row]! / Math.hypot(...divisor.data.subarray(from, to));
    for (let at = from; at < to; at++) result.data[at] = result.data[at]! * factor;
  }
  return result;
}
