import { PROBES } from '../core/onnx/excess.ts';
import { normals } from '../core/random.ts';
import { resolved } from '../core/spectrum.ts';
import type { Decomposition, Grams } from '../engine/kernel-types.ts';
import type { Kernels } from '../engine/kernels.ts';
import { AppError } from '../errors/app-error.ts';
import { type Busy, clocked, idle } from './busy.ts';
import { type DirectionsSlot, writeDirections } from './directions-file.ts';
import type { FactorReader } from './factor-files.ts';
import type { ModuleFactors } from './module-factors.ts';
import { chunksOf } from './module-factors.ts';

/** How to take modules of one rank apart. */
export interface Decomposer {
  readonly variant: 'randomised' | 'exact';
  readonly columns: number;
  /** Directions that a target may ask for. */
  readonly keep: number;
  readonly maxIterations: number;
  readonly tolerance: number;
  readonly seed: number;
}

/** Pass 1: Gram matrices of some modules of equal rank, then their decomposition as one stack. */
export interface DecomposeTask {
  readonly kind: 'decompose';
  readonly weightsPath: string;
  readonly modules: readonly ModuleFactors[];
  readonly decomposer: Decomposer;
  /** Where each module's directions go; null when nobody will ask for them. */
  readonly slots: readonly DirectionsSlot[] | null;
}

export interface Decomposed {
  readonly decompositions: readonly Decomposition[];
  readonly busy: Busy;
}

/**
 * Pass 1 for one stack of modules.
 * @throws AppError NON_FINITE_WEIGHTS naming the tensor, CORE_NOT_CONVERGED naming the module
 */
export async function decompose(
  task: DecomposeTask,
  kernels: Kernels,
  reader: FactorReader,
  onGram: (module: string) => void,
): Promise<Decomposed> {
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
  const random = (use: string, columns: number): Float64Array[] =>
    decomposer.variant === 'exact'
      ? []
      : modules.map(({ name }) => normals(decomposer.seed, `${use}${name}`, rank * columns));
  const decomposed = await clocked(busy, 'core', () =>
    kernels.decompose({
      ...decomposer,
      rank,
      grams,
      sketches: random('', decomposer.columns),
      probes: random('probe of ', PROBES),
    }),
  );
  const decompositions = decomposed.map(({ directions, ...decomposition }, index) => {
    const { name } = modules[index]!;
    if (!decomposition.converged) {
      const message = `The eigen-solver did not converge on module "${name}".`;
      throw new AppError('CORE_NOT_CONVERGED', message, { module: name });
    }
    const slot = task.slots?.[index];
    // What is noise that a processor's rounding left has to come out as zeros: nothing of it could be trained.
    const sigma = Float64Array.from(resolved(directions.sigma));
    if (slot) clocked(busy, 'core', () => writeDirections(slot, { ...directions, sigma }));
    return decomposition;
  });
  return { decompositions, busy };
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
