import type { FloatDtype } from '../../core/half.ts';
import type { OutputGrid } from '../../core/onnx/project-graph.ts';
import { normals } from '../../core/random.ts';
import type { Decomposition, Grams, Kernels } from '../../engine/kernels.ts';
import { AppError } from '../../errors.ts';
import { type FactorReader, writeFactor } from './factor-files.ts';
import type {
  Busy,
  DecomposeTask,
  Measured,
  ModuleFactors,
  ProjectionOrder,
  ProjectTask,
  TaskResults,
} from './tasks.ts';

const GRID: Readonly<Record<FloatDtype, OutputGrid>> = { F32: 'float', F16: 'float16', BF16: 'bfloat16' };
const DTYPE_NAME: Readonly<Record<FloatDtype, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

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
    const { b, a } = clocked(busy, 'load', () => reader.read(weightsPath, module));
    const gram = await clocked(busy, 'gram', () => kernels.gram(b, a));
    refuseNonFinite(module, gram);
    grams.push(gram);
    onGram(module.name);
  }
  const rank = modules[0]!.rank;
  const decompositions = await clocked(busy, 'core', () =>
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
  for (const [index, { converged }] of decompositions.entries()) {
    if (!converged) {
      const { name } = modules[index]!;
      throw new AppError('CORE_NOT_CONVERGED', `The eigen-solver did not converge on module "${name}".`, {
        module: name,
      });
    }
  }
  return { decompositions, busy };
}

/**
 * Pass 2 for one module.
 * @throws AppError NON_FINITE_RESULT naming the module and the dtype that overflowed
 */
export async function project(
  task: ProjectTask,
  kernels: Kernels,
  reader: FactorReader,
): Promise<TaskResults['project']> {
  const { module, orders, weightsPath } = task;
  const busy = idle();
  const { b, a } = clocked(busy, 'load', () => reader.read(weightsPath, module));
  const measured: Measured[] = [];
  for (const order of orders) {
    const unchanged = task.decomposition === null || order.rank >= module.rank;
    const result = await clocked(busy, 'project', () =>
      kernels.project({
        b,
        a,
        decomposition: unchanged ? identity(module.rank) : task.decomposition!,
        rank: order.rank,
        split: order.split,
        factorB: order.factorB,
        factorA: order.factorA,
        gridB: GRID[order.dtypeB],
        gridA: GRID[order.dtypeA],
      }),
    );
    if (!Number.isFinite(result.inner) || !Number.isFinite(result.energy)) {
      throw overflow(module.name, order);
    }
    clocked(busy, 'write', () => {
      writeFactor(order.path, order.offsetB, order.dtypeB, result.b);
      writeFactor(order.path, order.offsetA, order.dtypeA, result.a);
    });
    measured.push({ inner: result.inner, energy: result.energy });
  }
  return { measured, busy };
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
  const dtypes = [...new Set([dtypeA, dtypeB])].map((dtype) => DTYPE_NAME[dtype]).join(' and ');
  return new AppError(
    'NON_FINITE_RESULT',
    `The squeezed factors of module "${module}" do not fit ${dtypes}: a number overflows. Ask for dtype "float32".`,
    { module, dtype: dtypes },
  );
}

/** ΔW = (B·I)·(I·A) with σ = 1: projecting with it only rescales and rounds. */
function identity(rank: number): Pick<Decomposition, 'columns' | 'p' | 'r' | 'sigma'> {
  const eye = new Float64Array(rank * rank);
  for (let i = 0; i < rank; i++) eye[i * rank + i] = 1;
  return { columns: rank, p: eye, r: eye, sigma: new Float64Array(rank).fill(1) };
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
