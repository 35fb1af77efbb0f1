import type { LoraModule } from '../adapter/adapter.ts';
import type { DirectionsSlot } from '../compute/directions-file.ts';
import { factorsOf } from '../compute/module-factors.ts';
import type { ComputePool } from '../compute/pool.ts';
import { stacks } from '../compute/task-sizes.ts';
import type { Decomposition } from '../engine/kernel-types.ts';
import type { Method } from './method.ts';
import type { Watch } from './watch.ts';

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
    stacks(modules, pool.stackNumbers).map(async (indices) => {
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
