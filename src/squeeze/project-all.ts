import type { LoraModule } from '../adapter/adapter.ts';
import type { DirectionsSlot } from '../compute/directions-file.ts';
import { groups } from '../compute/task-sizes.ts';
import { factorsOf } from '../compute/module-factors.ts';
import type { ComputePool } from '../compute/pool.ts';
import type { Projected, ProjectionOrder, WrittenModule } from '../compute/project-task.ts';
import { fromPlainError } from '../errors/app-error.ts';
import type { SoFar } from './each-target.ts';
import type { Watch } from './watch.ts';

/**
 * Pass 2: writes every module to every target that changes it, reading the weights once.
 * @param orders what to compute, by target and module; null, or none at all, where there is nothing
 * @returns what was measured, by target and module, null where the module is copied; or NON_FINITE_RESULT of the first module
 * that does not fit its dtype
 * @throws AppError CANCELLED
 */
export async function projectAll(
  weightsPath: string,
  modules: readonly LoraModule[],
  slots: readonly DirectionsSlot[],
  orders: readonly (readonly (ProjectionOrder | null)[])[],
  pool: ComputePool,
  watch: Watch,
): Promise<SoFar<(WrittenModule | null)[]>[]> {
  const result = orders.map(() => modules.map((): Projected | null => null));
  const wanted = modules.map((_, index) =>
    orders.flatMap((ofTarget, at) => {
      const order = ofTarget[index];
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
  return result.map((projected) => {
    const failed = projected.find((one) => one !== null && 'failure' in one);
    return failed ? fromPlainError(failed.failure) : projected.map(measuredOf);
  });
}

const measuredOf = (one: Projected | null): WrittenModule | null => (one && 'failure' in one ? null : one);
