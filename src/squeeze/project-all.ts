import type { LoraModule } from '../adapter/adapter.ts';
import type { Measured } from '../engine/kernel-types.ts';
import type { DirectionsSlot } from './compute/directions-file.ts';
import type { ComputePool } from './compute/pool.ts';
import { factorsOf } from './compute/tasks.ts';
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
): Promise<(Measured | null)[][]> {
  const result = outputs.map(() => modules.map((): Measured | null => null));
  await watch.all(
    modules.map(async (module, index) => {
      const wanted = outputs.flatMap((output, at) => {
        const order = output.orders[index];
        return order ? [{ at, order }] : [];
      });
      if (wanted.length > 0) {
        const { measured, busy } = await pool.run(
          {
            kind: 'project',
            weightsPath,
            module: factorsOf(module),
            slot: slots[index]!,
            orders: wanted.map(({ order }) => order),
          },
          watch.signal,
        );
        watch.worked(busy);
        for (const [position, { at }] of wanted.entries()) result[at]![index] = measured[position]!;
      }
      watch.finished('project', module.name);
    }),
  );
  return result;
}
