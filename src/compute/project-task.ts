import { DTYPE_NAMES } from '../adapter/dtype-names.ts';
import type { FloatDtype } from '../core/half.ts';
import { GRID_OF_DTYPE } from '../core/onnx/output-grid.ts';
import { normals } from '../core/random.ts';
import type { Measurement, ProjectionSums } from '../engine/kernel-types.ts';
import type { Kernels } from '../engine/kernels.ts';
import { AppError, type PlainError, toPlainError } from '../errors/app-error.ts';
import { type FactorReader, type FactorWriter, withFile, withWriter } from './factor-files.ts';
import { chunksOf, type ModuleFactors } from './module-factors.ts';
import { noPhaseSeconds, type PhaseSeconds, timePhase } from './phase-seconds.ts';
import {
  identityDirections,
  loadDirections,
  type StoredDirections,
  stackedDirections,
} from './stored-directions.ts';
import { groupByShape } from './task-sizes.ts';

/** How one module is written to one output file. */
export interface ProjectionSpec {
  readonly pathA: string;
  readonly offsetA: number;
  readonly pathB: string;
  readonly offsetB: number;
  readonly dtypeA: FloatDtype;
  readonly dtypeB: FloatDtype;
  readonly rank: number;
  /** Exponent of σ for B: B gets σ^split and A the rest; ½ is balanced. */
  readonly split: number;
  readonly factorA: number;
  readonly factorB: number;
  /** Seed of new rows of A for directions of length zero; null leaves them zero. */
  readonly reviveSeed: number | null;
}

/** One module in pass 2, read once and written to every output that needs it. */
export interface ProjectItem {
  readonly module: ModuleFactors;
  /** null: the factors do not change except for their scale and dtype. */
  readonly directions: StoredDirections | null;
  readonly orders: readonly ProjectionSpec[];
}

/** Pass 2 for as many modules as it takes to make the transfer to the thread and back negligible. */
export interface ProjectTask {
  readonly kind: 'project';
  readonly weightsPath: string;
  readonly items: readonly ProjectItem[];
}

/** Measurements of a module as it was written. */
export interface WrittenModule extends Measurement {
  /** Number of directions that got a new row of A. */
  readonly revived: number;
}

/** Outcome of an order of pass 2. A failed order does not affect the others. */
export type ProjectResult = WrittenModule | { readonly failure: PlainError };

export interface ProjectResults {
  /** Measurements of the written factors of each order, by item. */
  readonly measured: readonly (readonly ProjectResult[])[];
  readonly phaseSeconds: PhaseSeconds;
}

/** Pass 2 for some modules. An order that overflows fails with NON_FINITE_RESULT, naming the module and the dtype. */
export async function project(
  task: ProjectTask,
  kernels: Kernels,
  reader: FactorReader,
): Promise<ProjectResults> {
  const phaseSeconds = noPhaseSeconds();
  const measured = new Array<ProjectResult[]>(task.items.length);
  const modules = task.items.map(({ module }) => module);
  await withFile(task.weightsPath, (file) =>
    withWriter(async (writer) => {
      const tools = { kernels, reader, phaseSeconds, file, writer };
      for (const indices of groupByShape(modules, (index) => kindOf(task.items[index]!))) {
        const written = await projectAlike(
          indices.map((index) => task.items[index]!),
          tools,
        );
        for (const [place, index] of indices.entries()) measured[index] = written[place]!;
      }
    }),
  );
  return { measured, phaseSeconds };
}

/** The properties besides shape that items must share so that one graph can project them. */
const kindOf = ({ directions, orders }: ProjectItem): string =>
  JSON.stringify([
    directions?.count,
    orders.map(({ rank, split, dtypeA, dtypeB }) => [rank, split, dtypeA, dtypeB]),
  ]);

interface ProjectTools {
  readonly kernels: Kernels;
  readonly reader: FactorReader;
  readonly phaseSeconds: PhaseSeconds;
  /** The weights, open for reading. */
  readonly file: number;
  readonly writer: FactorWriter;
}

/** Projects items of one shape and kind, running the graph once for each order and chunk. */
async function projectAlike(items: readonly ProjectItem[], tools: ProjectTools): Promise<ProjectResult[][]> {
  const { kernels, reader, phaseSeconds, file, writer } = tools;
  const modules = items.map(({ module }) => module);
  const { rank } = modules[0]!;
  const found = timePhase(phaseSeconds, 'load', () =>
    items.map(({ directions }) => directions && loadDirections(directions)),
  );
  const unchanged = identityDirections(rank);
  const nth = items[0]!.orders.map((_, index) => items.map(({ orders }) => orders[index]!));
  const sums: (ProjectionSums | null)[] = nth.map(() => null);
  const revived = nth.map(() => items.map(() => 0));
  for (const chunk of chunksOf(modules[0]!)) {
    const { b, a } = timePhase(phaseSeconds, 'load', () => reader.read(file, modules, chunk));
    for (const [index, orders] of nth.entries()) {
      const { rank: k, split, dtypeA, dtypeB } = orders[0]!;
      const isSmaller = k < rank;
      const result = await timePhase(phaseSeconds, 'project', () =>
        kernels.project({
          b,
          a,
          directions: stackedDirections(found.map((own) => (own && isSmaller ? own : unchanged))),
          rank: k,
          split,
          factorB: orders.map(({ factorB }) => factorB),
          factorA: orders.map(({ factorA }) => factorA),
          gridB: GRID_OF_DTYPE[dtypeB],
          gridA: GRID_OF_DTYPE[dtypeA],
          before: sums[index]!,
        }),
      );
      sums[index] = result.sums;
      for (const [place, order] of orders.entries()) {
        const { name, n } = modules[place]!;
        const ownB = part(result.b, place, items.length);
        const ownA = part(result.a, place, items.length);
        const own = found[place];
        if (own && order.reviveSeed !== null && isSmaller) {
          const source = { seed: order.reviveSeed, module: name };
          revived[index]![place] = revive(ownA, own.sigma, k, { n, left: chunk.columns[0] }, source);
        }
        timePhase(phaseSeconds, 'write', () => {
          const placeB = { offsetBytes: order.offsetB, dtype: dtypeB, width: k };
          const placeA = { offsetBytes: order.offsetA, dtype: dtypeA, width: n };
          writer.block(order.pathB, placeB, { data: ownB, rows: b.rows, columns: k }, chunk.rows[0], 0);
          writer.block(order.pathA, placeA, { data: ownA, rows: k, columns: a.columns }, 0, chunk.columns[0]);
        });
      }
    }
  }
  const projected = items.map((): ProjectResult[] => []);
  for (const [index, orders] of nth.entries()) {
    const measured = await timePhase(phaseSeconds, 'project', () =>
      kernels.measure(sums[index]!, rank, orders[0]!.rank),
    );
    for (const [place, one] of measured.entries()) {
      const fits = Number.isFinite(one.inner) && Number.isFinite(one.energy);
      projected[place]!.push(
        fits
          ? { ...one, revived: revived[index]![place]! }
          : { failure: toPlainError(overflow(modules[place]!.name, orders[place]!)) },
      );
    }
  }
  return projected;
}

/** A view of the part of an output that belongs to one of `count` modules. */
const part = (all: Float32Array, index: number, count: number): Float32Array => {
  const length = all.length / count;
  return all.subarray(index * length, (index + 1) * length);
};

function overflow(module: string, { dtypeA, dtypeB }: ProjectionSpec): AppError {
  const dtypes = [...new Set([dtypeA, dtypeB])].map((dtype) => DTYPE_NAMES[dtype]).join(' and ');
  return new AppError(
    'NON_FINITE_RESULT',
    `The squeezed factors of module "${module}" contain a number that is too large for ${dtypes}. Request dtype "float32".`,
    { module, dtype: dtypes },
  );
}

/**
 * Fills the rows of A that belong to directions of length zero with random numbers, while B stays zero: ΔW does not
 * change, but a gradient can now change B. If both were zero, as truncation leaves them, no gradient could. The
 * variance, 1/(3n), is that of PEFT's initialisation (Kaiming uniform with a = √5).
 * @param a [k, columns], some columns of A, changed in place
 * @param sigma [k] or longer
 * @param whole n, the number of columns of the whole of A, and the first one that `a` has
 * @returns the number of these directions
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
