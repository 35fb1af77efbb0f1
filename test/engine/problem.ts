import { PROBES } from '../../src/core/onnx/excess.ts';
import { normals } from '../../src/core/random.ts';
import { exactColumns } from '../../src/engine/column-step.ts';
import type { DecomposedModule, DecomposeInput, Stack32 } from '../../src/engine/kernel-types.ts';
import type { Kernels } from '../../src/engine/kernels.ts';
import { type Matrix, matrix, multiply } from '../oracle/linear-algebra.ts';

/** One module's factors as float32, as the engine gets them, and as the oracle does. */
export interface Problem {
  readonly name: string;
  readonly b: Matrix;
  readonly a: Matrix;
}

/** Rounds both factors to float32, so that engine and oracle start from the same numbers. */
export function problem(name: string, { b, a }: { b: Matrix; a: Matrix }): Problem {
  const round = ({ rows, columns, data }: Matrix): Matrix => matrix(rows, columns, Float32Array.from(data));
  return { name, b: round(b), a: round(a) };
}

/** A stack of one module. */
export const asFloat32 = ({ rows, columns, data }: Matrix): Stack32 => ({
  count: 1,
  rows,
  columns,
  data: Float32Array.from(data),
});

type Settings = Partial<
  Pick<DecomposeInput, 'variant' | 'columns' | 'keep' | 'maxIterations' | 'tolerance'>
> & {
  seed?: number;
};

/** Decomposes problems of one rank as one stack; exactly by default. */
export async function decomposeStack(
  kernels: Kernels,
  problems: readonly Problem[],
  { variant = 'exact', seed = 0, maxIterations = 64, tolerance = 1e-3, ...settings }: Settings = {},
): Promise<DecomposedModule[]> {
  const rank = problems[0]!.a.rows;
  const columns = settings.columns ?? exactColumns(rank);
  const keep = settings.keep ?? Math.min(rank, columns);
  const grams = [];
  for (const { b, a } of problems) grams.push(await kernels.gram(asFloat32(b), asFloat32(a), null));
  const sketches = problems.map(({ name }) => normals(seed, name, rank * columns));
  const probes = problems.map(({ name }) => normals(seed, `probe of ${name}`, rank * PROBES));
  return kernels.decompose({
    ...{ variant, rank, columns, keep, grams },
    ...{ sketches, probes, maxIterations, tolerance },
  });
}

/** The truncation to rank k in float64: the first k directions of B·p and r·A. */
export function truncated({ b, a }: Problem, { directions: { p, r, count } }: DecomposedModule, k: number) {
  const rank = a.rows;
  const left = matrix(rank, k);
  for (let i = 0; i < rank; i++) for (let j = 0; j < k; j++) left.data[i * k + j] = p[i * count + j]!;
  const right = matrix(k, rank, r.slice(0, k * rank));
  return { b: multiply(b, left), a: multiply(right, a) };
}
