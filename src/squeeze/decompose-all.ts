import type { LoraModule } from '../adapter/adapter.ts';
import type { Decomposition } from '../engine/kernel-types.ts';
import type { DirectionsSlot } from './compute/directions-file.ts';
import type { ComputePool } from './compute/pool.ts';
import { factorsOf } from './compute/tasks.ts';
import type { Method } from './method.ts';
import type { Watch } from './watch.ts';

/** Gram numbers in a stack: large enough to hide the cost of a graph's nodes, small enough for the cache. */
const STACK_NUMBERS = 16 * 64 * 64;
const MAX_STACK = 256;

/**
 * Pass 1: takes every module apart, reading the weights once.
 * @param slots where each module's directions go for pass 2; null when there is none
 * @returns one decomposition for each module, in their order
 * @throws AppError NON_FINITE_WEIGHTS, CORE_NOT_CONVERGED, CANCELLED
 */
export async function decomposeAll(
  weightsPath: string,
  modules: readonly LoraModule[],
  method: Method,
  slots: readonly DirectionsSlot[] | null,
  pool: ComputePool,
  watch: Watch,
): Promise<Decomposition[]> {
  const result = new Array<Decomposition>(modules.length);
  await watch.all(
    stacks(modules).map(async (indices) => {
      const members = indices.map((index) => modules[index]!);
      const { decompositions, busy } = await pool.run(
        {
          kind: 'decompose',
          weightsPath,
          modules: members.map(factorsOf),
          decomposer: method.decomposerFor(members[0]!),
          slots: slots && indices.map((index) => slots[index]!),
        },
        watch.signal,
        (module) => watch.finished('gram', module),
      );
      watch.worked(busy);
      for (const [position, index] of indices.entries()) {
        result[index] = decompositions[position]!;
        watch.finished('core', modules[index]!.name);
      }
    }),
  );
  return result;
}

/** Indices of modules of equal rank, in their order, cut into stacks. */
function stacks(modules: readonly LoraModule[]): number[][] {
  const byRank = new Map<number, number[]>();
  for (const [index, { rank }] of modules.entries()) {
    const members = byRank.get(rank);
    if (members) members.push(index);
    else byRank.set(rank, [index]);
  }
  return [...byRank].flatMap(([rank, indices]) => {
    const size = Math.max(1, Math.min(MAX_STACK, Math.floor(STACK_NUMBERS / rank ** 2)));
    return Array.from({ length: Math.ceil(indices.length / size) }, (_, part) =>
      indices.slice(part * size, (part + 1) * size),
    );
  });
}
