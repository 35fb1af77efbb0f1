import { DTYPE_NAMES } from '../adapter/dtype-names.ts';
import type { FloatDtype } from '../core/half.ts';
import { GRID_OF_DTYPE } from '../core/onnx/output-grid.ts';
import { normals } from '../core/random.ts';
import type { Measured, ProjectionSums } from '../engine/kernel-types.ts';
import type { Kernels } from '../engine/kernels.ts';
import { AppError, type PlainError, toPlainError } from '../errors/app-error.ts';
import { type Busy, clocked, idle } from './busy.ts';
import { type DirectionsSlot, identityDirections, readDirections } from './directions-file.ts';
import { type FactorReader, writeBlock } from './factor-files.ts';
import { chunksOf, type ModuleFactors } from './module-factors.ts';

/** One module as it goes into one output file. */
export interface ProjectionOrder {
  readonly pathA: string;
  readonly offsetA: number;
  readonly pathB: string;
  readonly offsetB: number;
  readonly dtypeA: FloatDtype;
  readonly dtypeB: FloatDtype;
  readonly rank: number;
  /** Share of σ that goes into B; ½ is balanced. */
  readonly split: number;
  readonly factorA: number;
  readonly factorB: number;
  /** Seed of new rows of A for directions of length zero; null leaves them zero. */
  readonly reviveSeed: number | null;
}

/** One module in pass 2, read once and written to every output that wants it. */
export interface ProjectItem {
  readonly module: ModuleFactors;
  /** null: the factors stay as they are but for their scale and dtype. */
  readonly slot: DirectionsSlot | null;
  readonly orders: readonly ProjectionOrder[];
}

/** Pass 2: some modules, so many that the way to the thread and back does not count. */
export interface ProjectTask {
  readonly kind: 'project';
  readonly weightsPath: string;
  readonly items: readonly ProjectItem[];
}

/** A module as it was written. */
export interface WrittenModule extends Measured {
  /** Directions that got a new row of A. */
  readonly revived: number;
}

/** What an order of pass 2 came to. One that failed is no failure of the others. */
export type Projected = WrittenModule | { readonly failure: PlainError };

export interface ProjectedItems {
  /** What the written factors of each order turned out to be, by item. */
  readonly measured: readonly (readonly Projected[])[];
  readonly busy: Busy;
}

/** Pass 2 for some modules. An order fails with NON_FINITE_RESULT, naming the module and the dtype that overflowed. */
export async function project(
  task: ProjectTask,
  kernels: Kernels,
  reader: FactorReader,
): Promise<ProjectedItems> {
  const busy = idle();
  const measured: Projected[][] = [];
  for (const item of task.items)
    measured.push(await projectItem(task.weightsPath, item, kernels, reader, busy));
  return { measured, busy };
}

async function projectItem(
  weightsPath: string,
  { module, orders, slot }: ProjectItem,
  kernels: Kernels,
  reader: FactorReader,
  busy: Busy,
): Promise<Projected[]> {
  const found = slot && clocked(busy, 'load', () => readDirections(slot));
  const unchanged = identityDirections(module.rank);
  const sums: (ProjectionSums | null)[] = orders.map(() => null);
  const revived = orders.map(() => 0);
  for (const chunk of chunksOf(module)) {
    const { b, a } = clocked(busy, 'load', () => reader.read(weightsPath, module, chunk));
    for (const [index, order] of orders.entries()) {
      const result = await clocked(busy, 'project', () =>
        kernels.project({
          b,
          a,
          directions: found && order.rank < module.rank ? found : unchanged,
          rank: order.rank,
          split: order.split,
          factorB: order.factorB,
          factorA: order.factorA,
          gridB: GRID_OF_DTYPE[order.dtypeB],
          gridA: GRID_OF_DTYPE[order.dtypeA],
          before: sums[index]!,
        }),
      );
      sums[index] = result.sums;
      if (found && order.reviveSeed !== null && order.rank < module.rank) {
        const columns = { n: module.n, left: chunk.columns[0] };
        const source = { seed: order.reviveSeed, module: module.name };
        revived[index] = revive(result.a, found.sigma, order.rank, columns, source);
      }
      clocked(busy, 'write', () => {
        const { pathA, pathB, rank } = order;
        const blockB = { data: result.b, rows: b.rows, columns: rank };
        const blockA = { data: result.a, rows: rank, columns: a.columns };
        const placeB = { offsetBytes: order.offsetB, dtype: order.dtypeB, width: rank };
        const placeA = { offsetBytes: order.offsetA, dtype: order.dtypeA, width: module.n };
        writeBlock(pathB, placeB, blockB, chunk.rows[0], 0);
        writeBlock(pathA, placeA, blockA, 0, chunk.columns[0]);
      });
    }
  }
  const written: Projected[] = [];
  for (const [index, order] of orders.entries()) {
    const result = await clocked(busy, 'project', () =>
      kernels.measure(sums[index]!, module.rank, order.rank),
    );
    const fits = Number.isFinite(result.inner) && Number.isFinite(result.energy);
    written.push(
      fits
        ? { ...result, revived: revived[index]! }
        : { failure: toPlainError(overflow(module.name, order)) },
    );
  }
  return written;
}

function overflow(module: string, { dtypeA, dtypeB }: ProjectionOrder): AppError {
  const dtypes = [...new Set([dtypeA, dtypeB])].map((dtype) => DTYPE_NAMES[dtype]).join(' and ');
  return new AppError(
    'NON_FINITE_RESULT',
    `The squeezed factors of module "${module}" do not fit ${dtypes}: a number overflows. Ask for dtype "float32".`,
    { module, dtype: dtypes },
  );
}

/**
 * Fills the rows of A that belong to directions of length zero with random numbers, B staying zero: ΔW does not change,
 * but a gradient can now move B. With both zero, as truncation leaves them, none ever could. The variance, 1/(3n), is
 * that of PEFT's initialisation (Kaiming uniform with a = √5).
 * @param a [k, columns], some columns of A, changed in place
 * @param sigma [k] or longer
 * @param whole n, the columns of the whole of A, and the first one that `a` has
 * @returns how many directions these are
 */
function revive(
  a: Float32Array,
  sigma: Float64Array,
  k: number,
  { n, left }: { readonly n: number; readonly left: number },
  { seed, module }: { readonly seed: number; readonly module: string },
): number {
  const columns = a.length / k;
  const deviation = 1 / Math.sqrt(3 * n);
  let revived = 0;
  for (let direction = 0; direction < k; direction++) {
    if (sigma[direction]! > 0) continue;
    revived++;
    const row = normals(seed, `${module} direction ${direction}`, n);
    for (let column = 0; column < columns; column++) {
      a[direction * columns + column] = row[left + column]! * deviation;
    }
  }
  return revived;
}
