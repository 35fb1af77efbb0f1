import { type Matrix, matrix, multiply, transpose } from '../../oracle/linear-algebra.ts';

/** ΔW of other kinds of adapters, entry by entry in float64, from the formulas in their papers. */

export const minus = (x: Matrix, y: Matrix): Matrix =>
  matrix(
    x.rows,
    x.columns,
    x.data.map((value, i) => value - y.data[i]!),
  );

export const hadamard = (x: Matrix, y: Matrix): Matrix =>
  matrix(
    x.rows,
    x.columns,
    x.data.map((value, i) => value * y.data[i]!),
  );

export function kronecker(x: Matrix, y: Matrix): Matrix {
  const result = matrix(x.rows * y.rows, x.columns * y.columns);
  for (let i = 0; i < result.rows; i++)
    for (let j = 0; j < result.columns; j++)
      result.data[i * result.columns + j] =
        x.data[Math.floor(i / y.rows) * x.columns + Math.floor(j / y.columns)]! *
        y.data[(i % y.rows) * y.columns + (j % y.columns)]!;
  return result;
}

/** einsum('i j k, j r -> i r k'), flattened to [i, r·k]. */
export function collapse(core: Matrix, factor: Matrix, kernel: number): Matrix {
  const result = matrix(core.rows, factor.columns * kernel);
  for (let i = 0; i < core.rows; i++)
    for (let j = 0; j < factor.rows; j++)
      for (let r = 0; r < factor.columns; r++)
        for (let k = 0; k < kernel; k++)
          result.data[i * result.columns + r * kernel + k]! +=
            core.data[i * core.columns + j * kernel + k]! * factor.data[j * factor.columns + r]!;
  return result;
}

/** einsum('i j k, i p, j r -> p r k'), flattened to [p, r·k]. */
export const tucker = (core: Matrix, left: Matrix, right: Matrix, kernel: number): Matrix =>
  multiply(transpose(left), collapse(core, right, kernel));
