import type { Derivation, MatrixEntry } from '../../adapter/staging-plan.ts';
import type { Kernels } from '../../engine/kernels.ts';
import { AppError } from '../../errors.ts';
import { idle } from '../compute/busy.ts';
import type { TaskResults } from '../compute/tasks.ts';
import { denseFactors } from './dense-factors.ts';
import { exactFactors } from './exact-factors.ts';
import { FactorSink } from './factor-sink.ts';
import { matricesOf } from './matrices-of.ts';
import { MatrixReader } from './matrix-reader.ts';
import { spans } from './spans.ts';
import { UpdateRows } from './update-rows.ts';

/** Makes plain factors, in float32, of one module of another kind, where the staged file has room for them. */
export interface DeriveTask {
  readonly kind: 'derive';
  readonly derivation: Derivation;
  readonly sourcePath: string;
  /** Of the staged file, which is there at its full size. */
  readonly path: string;
  /** First byte of each factor; null where the factor is not wanted. */
  readonly offsetA: number | null;
  readonly offsetB: number | null;
}

/** What a derivation needs at hand. */
export interface DeriveContext {
  readonly kernels: Kernels['derive'];
  readonly reader: MatrixReader;
  readonly sink: FactorSink;
}

/**
 * Runs in a compute thread.
 * @throws AppError NON_FINITE_WEIGHTS naming the tensor, NON_FINITE_RESULT and CORE_NOT_CONVERGED naming the module
 */
export async function derive(task: DeriveTask, kernels: Kernels): Promise<TaskResults['derive']> {
  const startedMs = performance.now();
  const { derivation } = task;
  const reader = new MatrixReader(task.sourcePath);
  const context = { kernels: kernels.derive, reader, sink: new FactorSink(task) };
  try {
    for (const matrix of matricesOf(derivation)) await refuseNonFinite(context, derivation.module, matrix);
    const isExact = await exactFactors(derivation, context);
    const residualEnergy = isExact
      ? 0
      : await denseFactors(derivation, new UpdateRows(derivation, context), context);
    return { residualEnergy, busy: { ...idle(), load: (performance.now() - startedMs) / 1000 } };
  } finally {
    reader.close();
  }
}

async function refuseNonFinite(
  { kernels, reader }: DeriveContext,
  module: string,
  matrix: MatrixEntry,
): Promise<void> {
  for (const rows of spans(matrix.rows, matrix.columns)) {
    if (Number.isFinite(await kernels.energy(reader.read(matrix, rows)))) continue;
    const { name } = matrix.entry;
    throw new AppError(
      'NON_FINITE_WEIGHTS',
      `Tensor "${name}" of module "${module}" holds NaN or infinity.`,
      {
        tensor: name,
        module,
      },
    );
  }
}
