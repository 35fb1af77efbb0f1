import type { LoraModule } from '../adapter/adapter.ts';
import { factorsOf } from '../compute/module-factors.ts';
import type { ComputePool } from '../compute/pool.ts';
import type { ProjectionSpec, ProjectResult, WrittenModule } from '../compute/project-task.ts';
import type { DirectionsSlot, StoredDirections } from '../compute/stored-directions.ts';
import { moduleGroups, moduleStacks } from '../compute/task-sizes.ts';
import type { Decomposition } from '../engine/kernel-types.ts';
import { fromPlainError } from '../errors/app-error.ts';
import type { OrError } from './map-targets.ts';
import type { Method } from './method.ts';
import type { ProgressTracker } from './progress-tracker.ts';
import type { TrainingOutput } from './training/training-output.ts';

/** The modules of one adapter, and the position of their factors. */
interface PassSource {
  readonly weightsPath: string;
  readonly modules: readonly LoraModule[];
}

/**
 * Pass 1: decomposes every module, reading the weights once.
 * @param slots where the directions of each module are kept for pass 2; null if there is no pass 2
 * @returns a decomposition of each module, in order, and the directions, which are empty without slots
 * @throws AppError NON_FINITE_WEIGHTS, CORE_NOT_CONVERGED, CANCELLED
 */
export async function decomposeAll(
  {
    weightsPath,
    modules,
    method,
    slots,
  }: PassSource & { readonly method: Method; readonly slots: readonly DirectionsSlot[] | null },
  pool: ComputePool,
  tracker: ProgressTracker,
): Promise<{ decompositions: Decomposition[]; directions: StoredDirections[] }> {
  const result = new Array<Decomposition>(modules.length);
  const directions: StoredDirections[] = [];
  await tracker.all(
    moduleStacks(modules, pool.stackNumbers).map(async (indices) => {
      const members = indices.map((index) => modules[index]!);
      const {
        decompositions,
        directions: kept,
        phaseSeconds,
      } = await pool.run(
        {
          kind: 'decompose',
          weightsPath,
          modules: members.map(factorsOf),
          decomposer: method.decomposerFor(members[0]!),
          slots: slots && indices.map((index) => slots[index]!),
        },
        tracker.signal,
        (names) => {
          for (const name of names) tracker.moduleFinished('gram', name);
        },
      );
      tracker.addPhaseSeconds(phaseSeconds);
      for (const [position, index] of indices.entries()) {
        result[index] = decompositions[position]!;
        if (kept) directions[index] = kept[position]!;
        tracker.moduleFinished('core', modules[index]!.name);
      }
    }),
  );
  return { decompositions: result, directions };
}

/**
 * Pass 2: writes every module to every target that changes it, reading the weights once.
 * @param orders what to compute, by target and module; null for nothing, for a module or a whole target
 * @returns the measurements, by target and module, null if the module is copied; or NON_FINITE_RESULT of the first
 *   module that does not fit its dtype
 * @throws AppError CANCELLED
 */
export async function projectAll(
  {
    weightsPath,
    modules,
    directions,
    orders,
  }: PassSource & {
    readonly directions: readonly StoredDirections[];
    readonly orders: readonly (readonly (ProjectionSpec | null)[])[];
  },
  pool: ComputePool,
  tracker: ProgressTracker,
): Promise<OrError<(WrittenModule | null)[]>[]> {
  const result = orders.map(() => modules.map((): ProjectResult | null => null));
  const wanted = modules.map((_, index) =>
    orders.flatMap((ofTarget, at) => {
      const order = ofTarget[index];
      return order ? [{ at, order }] : [];
    }),
  );
  await tracker.all(
    moduleGroups(modules).map(async (indices) => {
      const busyOnes = indices.filter((index) => wanted[index]!.length > 0);
      if (busyOnes.length > 0) {
        const items = busyOnes.map((index) => ({
          module: factorsOf(modules[index]!),
          directions: directions[index]!,
          orders: wanted[index]!.map(({ order }) => order),
        }));
        const { measured, phaseSeconds } = await pool.run(
          { kind: 'project', weightsPath, items },
          tracker.signal,
        );
        tracker.addPhaseSeconds(phaseSeconds);
        for (const [position, index] of busyOnes.entries()) {
          for (const [nth, { at }] of wanted[index]!.entries())
            result[at]![index] = measured[position]![nth]!;
        }
      }
      for (const index of indices) tracker.moduleFinished('project', modules[index]!.name);
    }),
  );
  return result.map((projected) => {
    const failed = projected.find((one) => one !== null && 'failure' in one);
    return failed ? fromPlainError(failed.failure) : projected.map(measuredOf);
  });
}

const measuredOf = (one: ProjectResult | null): WrittenModule | null =>
  one && 'failure' in one ? null : one;

/**
 * Pass 3, for further training: projections and moments of every module.
 * @throws AppError OPTIMIZER_STATE_INVALID, CANCELLED
 */
export async function carryAll(
  output: TrainingOutput,
  pool: ComputePool,
  tracker: ProgressTracker,
): Promise<void> {
  const { items, task } = output;
  await tracker.all(
    moduleGroups(items.map(({ module }) => module)).map(async (indices) => {
      const group = indices.map((index) => items[index]!);
      const { phaseSeconds } = await pool.run({ ...task, items: group }, tracker.signal);
      tracker.addPhaseSeconds(phaseSeconds);
    }),
  );
}
