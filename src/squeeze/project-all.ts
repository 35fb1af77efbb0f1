import type { LoraModule } from '../adapter/adapter.ts';
import type { Measured } from '../engine/kernel-types.ts';
import type { DirectionsSlot } from './compute/directions-file.ts';
import type { ComputePool } from './compute/pool.ts';
import { factorsOf } from './compute/tasks.ts';
import type { Output } from './output.ts';
import type { Watch } from './watch.ts';

/** Numbers of the factors in a group: some ten milliseconds of work. */
const GROUP_NUMBERS = 2 * 1024 * 1024;
const MAX_GROUP = 64;

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

/** Neighbouring modules, up to so many or so much that a thread is busy for a while. */
function groups(modules: readonly LoraModule[]): number[][] {
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
