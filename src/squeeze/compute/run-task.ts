import { DTYPE_NAMES } from '../../adapter/dtype-names.ts';
import type { FloatDtype } from '../../core/half.ts';
import type { OutputGrid } from '../../core/onnx/project-graph.ts';
import { normals } from '../../core/random.ts';
import type { Directions, Grams, Measured, ProjectionSums } from '../../engine/kernel-types.ts';
import type { Kernels } from '../../engine/kernels.ts';
import { AppError } from '../../errors.ts';
import { chunksOf } from './chunks.ts';
import { readDirections, writeDirections } from './directions-file.ts';
import { type FactorReader, writeBlock } from './factor-files.ts';
import type {
  Busy,
  DecomposeTask,
  ModuleFactors,
  ProjectItem,
  ProjectionOrder,
  ProjectTask,
  TaskResults,
} from './tasks.ts';

const GRID: Readonly<Record<FloatDtype, OutputGrid>> = { F32: 'float', F16: 'float16', BF16: 'bfloat16' };

/**
 * Pass 1 for one stack of modules.
 * @throws AppError NON_FINITE_WEIGHTS naming the tensor, CORE_NOT_CONVERGED naming the module
 */
export async function decompose(
  task: DecomposeTask,
  kernels: Kernels,
  reader: FactorReader,
  onGram: (module: string) => void,
): Promise<TaskResults['decompose']> {
  const { modules, decomposer, weightsPath } = task;
  const busy = idle();
  const grams: Grams[] = [];
  for (const module of modules) {
    let gram: Grams | null = null;
    for (const chunk of chunksOf(module)) {
      const { b, a } = clocked(busy, 'load', () => reader.read(weightsPath, module, chunk));
      const before: Grams | null = gram;
      gram = await clocked(busy, 'gram', () => kernels.gram(b, a, before));
    }
    refuseNonFinite(module, gram!);
    grams.push(gram!);
    onGram(module.name);
  }
  const rank = modules[0]!.rank;
  const decomposed = await clocked(busy, 'core', () =>
    kernels.decompose({
      ...decomposer,
      rank,
      grams,
      sketches:
        decomposer.variant === 'exact'
          ? []
          : modules.map(({ name }) => normals(decomposer.seed, name, rank * decomposer.columns)),
    }),
  );
  const decompositions = decomposed.map(({ directions, ...decomposition }, index) => {
    const { name } = modules[index]!;
    if (!decomposition.converged) {
      const message = `The eigen-solver did not converge on module "${name}".`;
      throw new AppError('CORE_NOT_CONVERGED', message, { module: name });
    }
    const slot = task.slots?.[index];
    if (slot) clocked(busy, 'core', () => writeDirections(slot, directions));
    return decomposition;
  });
  return { decompositions, busy };
}

/**
 * Pass 2 for some modules.
 * @throws AppError NON_FINITE_RESULT naming the module and the dtype that overflowed
 */
export async function project(
  task: ProjectTask,
  kernels: Kernels,
  reader: FactorReader,
): Promise<TaskResults['project']> {
  const busy = idle();
  const measured: Measured[][] = [];
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
): Promise<Measured[]> {
  const found = slot && clocked(busy, 'load', () => readDirections(slot));
  const unchanged = identity(module.rank);
  const sums: (ProjectionSums | null)[] = orders.map(() => null);
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
          gridB: GRID[order.dtypeB],
          gridA: GRID[order.dtypeA],
          before: sums[index]!,
        }),
      );
      sums[index] = result.sums;
      clocked(busy, 'write', () => {
        const { path, rank } = order;
        const blockB = { data: result.b, rows: b.rows, columns: rank };
        const blockA = { data: result.a, rows: rank, columns: a.columns };
        const placeB = { offsetBytes: order.offsetB, dtype: order.dtypeB, width: rank };
        const placeA = { offsetBytes: order.offsetA, dtype: order.dtypeA, width: module.n };
        writeBlock(path, placeB, blockB, chunk.rows[0], 0);
        writeBlock(path, placeA, blockA, 0, chunk.columns[0]);
      });
    }
  }
  const measured: Measured[] = [];
  for (const [index, order] of orders.entries()) {
    const result = await clocked(busy, 'project', () =>
      kernels.measure(sums[index]!, module.rank, order.rank),
    );
    if (!Number.isFinite(result.inner) || !Number.isFinite(result.energy)) throw overflow(module.name, order);
    measured.push(result);
  }
  return measured;
}

/** A NaN or an infinity anywhere in a factor makes a diagonal entry of its Gram matrix non-finite. */
function refuseNonFinite(module: ModuleFactors, { gramB, gramA }: Grams): void {
  for (const [factor, gram] of [
    [module.b, gramB],
    [module.a, gramA],
  ] as const) {
    for (let i = 0; i < module.rank; i++) {
      if (!Number.isFinite(gram[i * module.rank + i]!)) {
        throw new AppError('NON_FINITE_WEIGHTS', `Tensor "${factor.name}" holds NaN or infinity.`, {
          tensor: factor.name,
        });
      }
    }
  }
}

function overflow(module: string, { dtypeA, dtypeB }: ProjectionOrder): AppError {
  const dtypes = [...new Set([dtypeA, dtypeB])].map((dtype) => DTYPE_NAMES[dtype]).join(' and ');
  return new AppError(
    'NON_FINITE_RESULT',
    `The squeezed factors of module "${module}" do not fit ${dtypes}: a number overflows. Ask for dtype "float32".`,
    { module, dtype: dtypes },
  );
}

/** ΔW = (B·I)·(I·A) with σ = 1: projecting with it only rescales and rounds. */
function identity(rank: number): Directions {
  const eye = new Float64Array(rank * rank);
  for (let i = 0; i < rank; i++) eye[i * rank + i] = 1;
  return { count: rank, p: eye, r: eye, sigma: new Float64Array(rank).fill(1) };
}

export const idle = (): Busy => ({ load: 0, gram: 0, core: 0, project: 0, write: 0 });

/** Runs `work` and adds its seconds to a phase. */
function clocked<T>(busy: Busy, phase: keyof Busy, work: () => T): T {
  const startedMs = performance.now();
  const stop = (): void => {
    busy[phase] += (performance.now() - startedMs) / 1000;
  };
  const result = work();
  if (result instanceof Promise) return result.finally(stop) as T;
  stop();
  return result;
}
