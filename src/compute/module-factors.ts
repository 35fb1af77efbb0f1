import type { LoraModule } from '../adapter/adapter.ts';
import type { FloatDtype } from '../core/half.ts';

/**
 * How many numbers of both factors are in memory at a time: 16 MB as float32 and twice that in a graph. Modules of
 * common sizes are one chunk; an embedding or a rank of 512 takes several, so memory does not grow with the size of a
 * module.
 */
const CHUNK_NUMBERS = 4 * 1024 * 1024;

/** Position of a factor in the source file. */
export interface FactorRange {
  readonly name: string;
  readonly dtype: FloatDtype;
  readonly beginByte: number;
  readonly endByte: number;
}

/** A module as a compute thread needs it: A is [rank, n], B is [m, rank], row-major. */
export interface ModuleFactors {
  readonly name: string;
  readonly a: FactorRange;
  readonly b: FactorRange;
  readonly rank: number;
  readonly m: number;
  readonly n: number;
}

export const factorsOf = (module: LoraModule): ModuleFactors => ({
  name: module.name,
  a: rangeOf(module.a),
  b: rangeOf(module.b),
  rank: module.rank,
  m: module.m,
  n: module.n,
});

const rangeOf = ({ name, dtype, beginByte, endByte }: FactorRange): FactorRange => ({
  name,
  dtype,
  beginByte,
  endByte,
});

/** Some rows of B and some columns of A; ends exclusive. */
export interface Chunk {
  readonly rows: readonly [begin: number, end: number];
  readonly columns: readonly [begin: number, end: number];
}

/** Divides a module into chunks. The division depends only on its shape, so sums are the same on every machine. */
export function chunksOf({ rank, m, n }: Pick<ModuleFactors, 'rank' | 'm' | 'n'>): Chunk[] {
  const wanted = Math.ceil(((m + n) * rank) / CHUNK_NUMBERS);
  const count = Math.max(1, Math.min(wanted, m, n));
  const edge = (size: number, index: number): number => Math.floor((size * index) / count);
  return Array.from({ length: count }, (_, index) => ({
    rows: [edge(m, index), edge(m, index + 1)] as const,
    columns: [edge(n, index), edge(n, index + 1)] as const,
  }));
}
