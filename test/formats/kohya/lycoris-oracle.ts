import { uniform } from '../../oracle/known-matrices.ts';
import { type Matrix, matrix } from '../../oracle/linear-algebra.ts';
import { float32Tensor, type Tensor } from '../../oracle/safetensors.ts';

/** Numbers as they are in the file, with their shape. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

export function randomNumbers(shape: readonly number[], seed: number): Numbers {
  const next = uniform(seed);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => next() - 0.5) };
}

export const tensorOf = ({ shape, data }: Numbers): Tensor => float32Tensor(shape, data);

/** ΔW flattened to [out, in·kernel], filled element by element. */
function filled(rows: number, columns: number, at: (row: number, column: number) => number): Matrix {
  const result = matrix(rows, columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result.data[row * columns + column] = at(row, column);
  return result;
}

/** The sum of terms. */
function sum(count: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}

export const whole = ({ shape, data }: Numbers): Matrix => matrix(shape[0]!, sizeOf(shape.slice(1)), data);

/** a [m, r] · b [r, n…], with the remaining axes of b flattened. */
export function product(a: Numbers, b: Numbers): Matrix {
  const [r, n] = [b.shape[0]!, sizeOf(b.shape.slice(1))];
  return filled(a.shape[0]!, n, (row, column) =>
    sum(r, (i) => a.data[row * r + i]! * b.data[i * n + column]!),
  );
}

/** einsum('i j k, i p, j r -> p r k', t, a, b), k over the kernel. */
export function tucker(t: Numbers, a: Numbers, b: Numbers): Matrix {
  const [ri, rj] = [t.shape[0]!, t.shape[1]!];
  const kernel = sizeOf(t.shape.slice(2));
  const [m, channels] = [a.shape[1]!, b.shape[1]!];
  return filled(m, channels * kernel, (p, column) => {
    const [r, k] = [Math.floor(column / kernel), column % kernel];
    return sum(ri, (i) =>
      sum(rj, (j) => t.data[(i * rj + j) * kernel + k]! * a.data[i * m + p]! * b.data[j * channels + r]!),
    );
  });
}

export const hadamard = (x: Matrix, y: Matrix): Matrix =>
  matrix(
    x.rows,
    x.columns,
    x.data.map((value, i) => value * y.data[i]!),
  );

export const kron = (x: Matrix, y: Matrix): Matrix =>
  filled(
    x.rows * y.rows,
    x.columns * y.columns,
    (row, column) =>
      x.data[Math.floor(row / y.rows) * x.columns + Math.floor(column / y.columns)]! *
      y.data[(row % y.rows) * y.columns + (column % y.columns)]!,
  );

/** A way to store the update of a module: the shapes of its tensors, and their meaning without alpha. */
export interface Notation {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly update: (tensor: (name: string) => Numbers) => Matrix;
}

/** Of a linear layer [24, 20] with two decomposed factors. */
export const LOHA: Notation = {
  shapes: { hada_w1_a: [24, 3], hada_w1_b: [3, 20], hada_w2_a: [24, 3], hada_w2_b: [3, 20] },
  update: (t) => hadamard(product(t('hada_w1_a'), t('hada_w1_b')), product(t('hada_w2_a'), t('hada_w2_b'))),
};

/**
 * A module of random numbers.
 * @param prefix of the names of its tensors
 * @returns its tensors, and its update before scaling
 */
export function noted(
  { shapes, update }: Notation,
  prefix: string,
  seed: number,
): { readonly tensors: Record<string, Tensor>; readonly update: Matrix } {
  const numbers = new Map(
    Object.entries(shapes).map(([name, shape], index) => [name, randomNumbers(shape, seed + index)] as const),
  );
  const tensors = [...numbers].map(([name, tensor]) => [`${prefix}${name}`, tensorOf(tensor)] as const);
  return { tensors: Object.fromEntries(tensors), update: update((name) => numbers.get(name)!) };
}
