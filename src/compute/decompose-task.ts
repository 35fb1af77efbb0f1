import { PROBES } from '../core/onnx/excess.ts';
import { normals } from '../core/random.ts';
import { roundToResolution } from '../core/spectrum.ts';
import type { Decomposition, Grams } from '../engine/kernel-types.ts';
import type { Kernels } from '../engine/kernels.ts';
import { AppError } from '../errors/app-error.ts';
import { type FactorReader, withFile } from './factor-files.ts';
import type { ModuleFactors } from './module-factors.ts';
import { chunksOf } from './module-factors.ts';
import { noPhaseSeconds, type PhaseSeconds, timePhase } from './phase-seconds.ts';
import { type DirectionsSlot, type StoredDirections, storeDirections } from './stored-directions.ts';
import { groupByShape } from './task-sizes.ts';

/** How to decompose modules of one rank. */
export interface Decomposer {
  readonly variant: 'randomised' | 'exact';
  readonly columns: number;
  /** Number of directions that targets may need. */
  readonly keep: number;
  readonly maxIterations: number;
  readonly tolerance: number;
  readonly seed: number;
}

/** Pass 1: computes the Gram matrices of some modules of equal rank and decomposes them as one stack. */
export interface DecomposeTask {
  readonly kind: 'decompose';
  readonly weightsPath: string;
  readonly modules: readonly ModuleFactors[];
  readonly decomposer: Decomposer;
  /** Where the directions of each module will be kept; null if they are not needed later. */
  readonly slots: readonly DirectionsSlot[] | null;
}

export interface DecomposeResult {
  readonly decompositions: readonly Decomposition[];
  /** null if they are not needed later. */
  readonly directions: readonly StoredDirections[] | null;
  readonly phaseSeconds: PhaseSeconds;
}

/**
 * Pass 1 for one stack of modules.
 * @throws AppError NON_FINITE_WEIGHTS naming the tensor, CORE_NOT_CONVERGED naming the module
 */
export async function decompose(
  task: DecomposeTask,
  kernels: Kernels,
  reader: FactorReader,
  onGrams: (modules: readonly string[]) => void,
): Promise<DecomposeResult> {
  const { modules, decomposer, weightsPath, slots } = task;
  const phaseSeconds = noPhaseSeconds();
  const sameShape = groupByShape(modules);
  const grams = await withFile(weightsPath, async (file) => {
    const found: Grams[] = [];
    for (const indices of sameShape) {
      const members = indices.map((index) => modules[index]!);
      let sum: Grams | null = null;
      for (const chunk of chunksOf(members[0]!)) {
        const { b, a } = timePhase(phaseSeconds, 'load', () => reader.read(file, members, chunk));
        const before: Grams | null = sum;
        sum = await timePhase(phaseSeconds, 'gram', () => kernels.gram(b, a, before));
      }
      refuseNonFinite(members, sum!);
      found.push(sum!);
      onGrams(members.map(({ name }) => name));
    }
    return found;
  });
  /** Order of the modules in the stack, in which modules of one shape are adjacent. */
  const order = sameShape.flat();
  const rank = modules[0]!.rank;
  const random = (use: string, columns: number): Float64Array[] =>
    decomposer.variant === 'exact'
      ? []
      : order.map((index) => normals(decomposer.seed, `${use}${modules[index]!.name}`, rank * columns));
  const decomposed = await timePhase(phaseSeconds, 'core', () =>
    kernels.decompose({
      ...decomposer,
      rank,
      grams,
      sketches: random('', decomposer.columns),
      probes: random('probe of ', PROBES),
    }),
  );
  const decompositions = new Array<Decomposition>(modules.length);
  const kept = new Array<StoredDirections>(modules.length);
  for (const [place, { directions, ...decomposition }] of decomposed.entries()) {
    const index = order[place]!;
    const { name } = modules[index]!;
    if (!decomposition.converged) {
      const message = `The eigensolver did not converge on module "${name}".`;
      throw new AppError('CORE_NOT_CONVERGED', message, { module: name });
    }
    decompositions[index] = decomposition;
    // Rounding noise must become zero, because it cannot be trained.
    const sigma = Float64Array.from(roundToResolution(directions.sigma));
    if (slots)
      kept[index] = timePhase(phaseSeconds, 'core', () =>
        storeDirections(slots[index]!, { ...directions, sigma }),
      );
  }
  return { decompositions, directions: slots && kept, phaseSeconds };
}

/** A NaN or an infinity anywhere in a factor makes a diagonal entry of its Gram matrix non-finite. */
function refuseNonFinite(modules: readonly ModuleFactors[], { gramB, gramA }: Grams): void {
  for (const [index, { rank, b, a }] of modules.entries()) {
    for (const [factor, gram] of [
      [b, gramB],
      [a, gramA],
    ] as const) {
      for (let i = 0; i < rank; i++) {
        if (!Number.isFinite(gram[(index * rank + i) * rank + i]!)) {
          throw new AppError('NON_FINITE_WEIGHTS', `Tensor "${factor.name}" holds NaN or infinity.`, {
            tensor: factor.name,
          });
        }
      }
    }
  }
}
