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
