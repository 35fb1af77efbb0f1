import type { Kernels } from '../engine/kernels.ts';
import { AppError } from '../errors/app-error.ts';
import { type FactorReader, withFile, withWriter } from './factor-files.ts';
import type { ModuleFactors } from './module-factors.ts';
import { chunksOf } from './module-factors.ts';
import { noPhaseSeconds, type PhaseSeconds } from './phase-seconds.ts';

/** One term of a module: ΔW += factorB·factorA·B·A. */
export interface StackPart {
  /** The adapter's id, for messages. */
  readonly adapter: string;
  readonly weightsPath: string;
  readonly factors: ModuleFactors;
  readonly factorB: number;
  readonly factorA: number;
}

/** Writes [f₁B₁ | f₂B₂ …] and [g₁A₁; g₂A₂; …] of one module, in float32, to their places in the stack's file. */
export interface StackTask {
  readonly kind: 'stack';
  readonly module: string;
  readonly m: number;
  readonly n: number;
  /** Σ of the ranks of the parts. */
  readonly rank: number;
  readonly parts: readonly StackPart[];
  readonly path: string;
  readonly offsetB: number;
  readonly offsetA: number;
}

/**
 * Runs in a compute thread and processes the module in chunks.
 * @throws AppError NON_FINITE_WEIGHTS naming adapter and tensor, NON_FINITE_RESULT if a product does not fit into
 *   float32
 */
export async function stack(
  task: StackTask,
  kernels: Kernels,
  reader: FactorReader,
): Promise<{ readonly phaseSeconds: PhaseSeconds }> {
  const startedMs = performance.now();
  const { m, n, rank, path, parts } = task;
  const placeB = { offsetBytes: task.offsetB, dtype: 'F32', width: rank } as const;
  const placeA = { offsetBytes: task.offsetA, dtype: 'F32', width: n } as const;
  await withWriter(async (writer) => {
    for (const chunk of chunksOf({ rank, m, n })) {
      const rows = chunk.rows[1] - chunk.rows[0];
      const columns = chunk.columns[1] - chunk.columns[0];
      const stackedB = new Float32Array(rows * rank);
      let offset = 0;
      for (const part of parts) {
        const own = part.factors.rank;
        const { scaledA, scaledB } = await withFile(part.weightsPath, async (file) => {
          const { b, a } = reader.read(file, [part.factors], chunk);
          return {
            scaledB: await kernels.scale(b, part.factorB),
            scaledA: await kernels.scale(a, part.factorA),
          };
        });
        refuseNonFinite(task, part, 'b', scaledB);
        refuseNonFinite(task, part, 'a', scaledA);
        for (let row = 0; row < rows; row++) {
          stackedB.set(scaledB.data.subarray(row * own, (row + 1) * own), row * rank + offset);
        }
        writer.block(path, placeA, { data: scaledA.data, rows: own, columns }, offset, chunk.columns[0]);
        offset += own;
      }
      writer.block(path, placeB, { data: stackedB, rows, columns: rank }, chunk.rows[0], 0);
    }
  });
  const seconds = (performance.now() - startedMs) / 1000;
  return { phaseSeconds: { ...noPhaseSeconds(), load: seconds } };
}

function refuseNonFinite(
  { module }: StackTask,
  { adapter, factors, factorB, factorA }: StackPart,
  factor: 'a' | 'b',
  { energyBefore, energyAfter }: { energyBefore: number; energyAfter: number },
): void {
  if (!Number.isFinite(energyBefore)) {
    const tensor = factors[factor].name;
    throw new AppError(
      'NON_FINITE_WEIGHTS',
      `Tensor "${tensor}" of adapter ${adapter} holds NaN or infinity.`,
      {
        tensor,
        adapter,
      },
    );
  }
  if (!Number.isFinite(energyAfter)) {
    throw new AppError(
      'NON_FINITE_RESULT',
      `The numbers of module "${module}" of adapter ${adapter}, multiplied by its merge weight and scaling (${factorB * factorA}), are too large for float32.`,
      { module, adapter, factor: factorB * factorA },
    );
  }
}
