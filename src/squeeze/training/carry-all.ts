import { groups } from '../../compute/task-sizes.ts';
import type { ComputePool } from '../../compute/pool.ts';
import type { Watch } from '../watch.ts';
import type { TrainingOutput } from './training-output.ts';

/**
 * Pass 3, where training goes on: projections and moments of every module.
 * @throws AppError OPTIMIZER_STATE_INVALID, CANCELLED
 */
export async function carryAll(output: TrainingOutput, pool: ComputePool, watch: Watch): Promise<void> {
  const { items, task } = output;
  await watch.all(
    groups(items.map(({ module }) => module)).map(async (indices) => {
      const group = indices.map((index) => items[index]!);
      const { busy } = await pool.run({ ...task, items: group }, watch.signal);
      watch.worked(busy);
    }),
  );
}
