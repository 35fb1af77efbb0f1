import type { Derivation, MatrixEntry, MatrixSource, TuckerSide } from '../../adapter/staging-plan.ts';
import type { Kernels } from '../../engine/kernels.ts';
import { AppError } from '../../errors/app-error.ts';
import { withWriter } from '../factor-files.ts';
import { noPhaseSeconds, type PhaseSeconds } from '../phase-seconds.ts';
import { denseFactors } from './dense-factors.ts';
import type { DeriveContext, DeriveTask } from './derive-context.ts';
import { FactorSink } from './derive-context.ts';
import { exactFactors } from './exact-factors.ts';
import { MatrixReader } from './matrix-reader.ts';
import { indexSpans } from './spans.ts';
import { UpdateRows } from './update-rows.ts';

export interface DeriveResult {
  /** What the factors do not represent: ‖ΔW − B·A‖², 0 if they are exact. Without the module's scale. */
  readonly residualEnergy: number;
  readonly phaseSeconds: PhaseSeconds;
}

/**
 * Runs in a compute thread.
 * @throws AppError NON_FINITE_WEIGHTS naming the tensor, NON_FINITE_RESULT and CORE_NOT_CONVERGED naming the module
 */
export async function derive(task: DeriveTask, kernels: Kernels): Promise<DeriveResult> {
  const startedMs = performance.now();
  const { derivation } = task;
  const reader = new MatrixReader(task.sourcePath);
  try {
    return await withWriter(async (writer) => {
      const context = { kernels: kernels.derive, reader, sink: new FactorSink(task, writer) };
      for (const matrix of matricesOf(derivation)) await refuseNonFinite(context, derivation.module, matrix);
      const isExact = await exactFactors(derivation, context);
      const residualEnergy = isExact
        ? 0
        : await denseFactors(derivation, new UpdateRows(derivation, context), context);
      return {
        residualEnergy,
        phaseSeconds: { ...noPhaseSeconds(), load: (performance.now() - startedMs) / 1000 },
      };
    });
  } finally {
    reader.close();
  }
}

async function refuseNonFinite(
  { kernels, reader }: DeriveContext,
  module: string,
  matrix: MatrixEntry,
): Promise<void> {
  for (const rows of indexSpans(matrix.rows, matrix.columns)) {
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

/** Every matrix that a derivation reads. */
function matricesOf(derivation: Derivation): MatrixEntry[] {
  switch (derivation.kind) {
    case 'hadamard':
      return [derivation.w1a, derivation.w1b, derivation.w2a, derivation.w2b];
    case 'hadamard-tucker':
      return derivation.sides.flatMap(parts);
    case 'kronecker':
      return [...parts(derivation.w1), ...parts(derivation.w2)];
    case 'tucker':
      return [derivation.up, derivation.mid, derivation.down];
    case 'diagonal':
      return [derivation.left, derivation.diagonal, derivation.right];
    case 'dense':
      return [derivation.update];
  }
}

function parts(source: MatrixSource | TuckerSide): MatrixEntry[] {
  if ('t' in source) return [source.t, source.a, source.b];
  return 'left' in source ? [source.left, source.right] : [source];
}
