import type { ModuleFactors } from './module-factors.ts';

/**
 * Numbers of both factors held at a time: 16 MB as float32 and twice that in a graph. Modules of usual sizes are one
 * chunk; an embedding or a rank of 512 is several, so that memory does not follow the size of a module.
 */
const CHUNK_NUMBERS = 4 * 1024 * 1024;

/** Some rows of B and some columns of A; ends exclusive. */
export interface Chunk {
  readonly rows: readonly [begin: number, end: number];
  readonly columns: readonly [begin: number, end: number];
}

/** Cuts a module into chunks; depends on its shape only, so that sums are the same everywhere. */
export function chunksOf({ rank, m, n }: Pick<ModuleFactors, 'rank' | 'm' | 'n'>): Chunk[] {
  const wanted = Math.ceil(((m + n) * rank) / CHUNK_NUMBERS);
  const count = Math.max(1, Math.min(wanted, m, n));
  const edge = (size: number, index: number): number => Math.floor((size * index) / count);
  return Array.from({ length: count }, (_, index) => ({
    rows: [edge(m, index), edge(m, index + 1)] as const,
    columns: [edge(n, index), edge(n, index + 1)] as const,
  }));
}
