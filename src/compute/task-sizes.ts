import type { ProviderName } from '../engine/ort.ts';

/**
 * Gram matrix elements in a stack on the CPU: enough to hide the cost of a graph's nodes, few enough for the cache.
 * Determined by measurement.
 */
const CPU_NUMBERS = 16 * 64 * 64;
/** Little for a GPU, yet more than adapters of common sizes need. */
export const DEFAULT_CUDA_MEMORY_BYTES = 2 * 2 ** 30;
/** Largest number of r×r matrices that exist at once while a graph runs. */
const LIVE_MATRICES = 32;
/** A stack is one task: cancelling has to wait for it, and progress is only reported after it. */
const MAX_MODULES = 256;

/** Factor elements in a group: about ten milliseconds of work. */
const GROUP_NUMBERS = 2 * 1024 * 1024;
const MAX_GROUP = 64;

/** @returns how many Gram matrix elements a stack may hold; on CUDA as many as its share of the GPU's memory allows */
export function stackNumbers(provider: ProviderName, threads: number, cudaMemoryBytes: number): number {
  if (provider === 'cpu') return CPU_NUMBERS;
  return Math.floor(cudaMemoryBytes / threads / LIVE_MATRICES / Float64Array.BYTES_PER_ELEMENT);
}

interface Shape {
  readonly m: number;
  readonly n: number;
  readonly rank: number;
}

/**
 * Indices of modules of equal rank, in their order, divided into stacks.
 * @param numbers largest number of Gram matrix elements (rank² for each module) in a stack, unless a single module
 *   has more
 */
export function moduleStacks(modules: readonly { readonly rank: number }[], numbers: number): number[][] {
  const byRank = new Map<number, number[]>();
  for (const [index, { rank }] of modules.entries()) {
    const members = byRank.get(rank);
    if (members) members.push(index);
    else byRank.set(rank, [index]);
  }
  return [...byRank].flatMap(([rank, indices]) => {
    const size = Math.max(1, Math.min(MAX_MODULES, Math.floor(numbers / rank ** 2)));
    return Array.from({ length: Math.ceil(indices.length / size) }, (_, part) =>
      indices.slice(part * size, (part + 1) * size),
    );
  });
}

/**
 * Factor elements that a graph processes at once: enough to hide the cost of its nodes, few enough for the cache.
 * Determined by measurement.
 */
const MAX_GROUP_NUMBERS = 512 * 1024;

/**
 * Indices of modules that one graph processes at once: those of one shape and one kind, ordered by the first module
 * of each group. A module with many elements forms its own group.
 * @param kindOf other properties that the modules must share, by index
 */
export function groupByShape(
  modules: readonly Shape[],
  kindOf: (index: number) => string = () => '',
): number[][] {
  const result: number[][] = [];
  const open = new Map<string, number[]>();
  for (const [index, { m, n, rank }] of modules.entries()) {
    const kind = `${m} ${n} ${rank} ${kindOf(index)}`;
    const members = open.get(kind);
    if (members && (members.length + 1) * (m + n) * rank <= MAX_GROUP_NUMBERS) members.push(index);
    else {
      const first = [index];
      open.set(kind, first);
      result.push(first);
    }
  }
  return result;
}

/** Indices of neighbouring modules, grouped by number and size, so that a group keeps a thread busy for a while. */
export function moduleGroups(modules: readonly Shape[]): number[][] {
  const result: number[][] = [];
  let numbers = Number.POSITIVE_INFINITY;
  for (const [index, { m, n, rank }] of modules.entries()) {
    const size = (m + n) * rank;
    if (numbers + size > GROUP_NUMBERS || result.at(-1)!.length >= MAX_GROUP) {
      result.push([]);
      numbers = 0;
    }
    result.at(-1)!.push(index);
    numbers += size;
  }
  return result;
}
