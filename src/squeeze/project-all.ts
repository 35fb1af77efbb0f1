import type { LoraModule } from '../adapter/adapter.ts';
import type { DirectionsSlot } from './compute/directions-file.ts';
import { groups } from './compute/groups.ts';
import type { ComputePool } from './compute/pool.ts';
import { factorsOf, type Written } from './compute/tasks.ts';
import type { Output } from './output.ts';
import type { Watch } from './watch.ts';

/**
 * Pass 2: writes every module to every output that changes it, reading the weights once.
 * @returns what was measured, by output and module; null where the module is copied
 * @throws AppError NON_FINITE_RESULT, CANCELLED
 */
export async function projectAll(
  weightsPath: string,
  modules: readonly LoraModule[],
  slots: readonly DirectionsSlot[],
  outputs: readonly Output[],
  pool: ComputePool,
  watch: Watch,
): Promise<(Written | null)[][]> {
  const result = outputs.map(() => modules.map((): Written | null => null));
  const wanted = modules.map((_, index) =>
    outputs.flatMap((output, at) => {
      const order = output.orders[index];
      return order ? [{ at, order }] : [];
    }),
  );
  await watch.all(
    groups(modules).map(async (indices) => {
      const busyOnes = indices.filter((index) => wanted[index]!.length > 0);
      if (busyOnes.length > 0) {
        const items = busyOnes.map((index) => ({
          module: factorsOf(modules[index]!),
          slot: slots[index]!,
          orders: wanted[index]!.map(({ order }) => order),
        }));
        const { measured, busy } = await pool.run({ kind: 'project', weightsPath, items }, watch.signal);
        watch.worked(busy);
        for (const [position, index] of busyOnes.entries()) {
          for (const [nth, { at }] of wanted[index]!.entries())
            result[at]![index] = measured[position]![nth]!;
        }
      }
      for (const index of indices) watch.finished('project', modules[index]!.name);
    }),
  );
  return result;
}
