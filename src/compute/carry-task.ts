import { DTYPE_NAMES } from '../adapter/dtype-names.ts';
import type { MomentPower } from '../core/onnx/moments-graph.ts';
import { GRID_OF_DTYPE } from '../core/onnx/output-grid.ts';
import type { TransferInput, TransferMatrices } from '../engine/kernel-types.ts';
import type { Kernels } from '../engine/kernels.ts';
import { AppError } from '../errors/app-error.ts';
import { type FactorReader, type FactorWriter, withFile, withWriter } from './factor-files.ts';
import type { FactorRange, ModuleFactors } from './module-factors.ts';
import { chunksOf } from './module-factors.ts';
import { noPhaseSeconds, type PhaseSeconds, timePhase } from './phase-seconds.ts';
import { identityDirections, loadDirections, type StoredDirections } from './stored-directions.ts';

/** One moment of a module: its position in the optimizer state, and where to write it. Its dtypes do not change. */
export interface MomentMove {
  readonly power: MomentPower;
  readonly a: FactorRange;
  readonly b: FactorRange;
  readonly offsetA: number;
  readonly offsetB: number;
}

/** How one module gets its new rank, and what to write for it. */
export interface CarryItem extends Pick<TransferInput, 'rank' | 'split'> {
  readonly module: ModuleFactors;
  /** null: the factors do not change except for their scale. */
  readonly directions: StoredDirections | null;
  /** The part of the module's scale that goes into each factor. */
  readonly factorA: number;
  readonly factorB: number;
  /** The new scale divided by the old. */
  readonly ratio: number;
  readonly offsetP: number;
  readonly offsetR: number;
  readonly moments: readonly MomentMove[];
}

/** Writes the projections of some modules and their moments at the new rank. */
export interface CarryTask {
  readonly kind: 'carry';
  readonly projectionsPath: string;
  /** The received optimizer state and the new one to fill; null if there are no moments to carry. */
  readonly state: { readonly path: string; readonly outputPath: string } | null;
  readonly items: readonly CarryItem[];
}

/** What is needed to carry the moments of one module. */
interface CarryTools {
  readonly matrices: TransferMatrices;
  readonly kernels: Kernels;
  readonly reader: FactorReader;
  readonly phaseSeconds: PhaseSeconds;
  /** The received optimizer state, open for reading. */
  readonly state: number;
  readonly writer: FactorWriter;
  readonly outputPath: string;
}

/**
 * Runs in a compute thread and processes a moment in chunks.
 * @throws AppError OPTIMIZER_STATE_INVALID naming the tensor that is not finite, or that is a second moment with
 *   negative values
 */
export async function carry(
  task: CarryTask,
  kernels: Kernels,
  reader: FactorReader,
): Promise<{ readonly phaseSeconds: PhaseSeconds }> {
  const phaseSeconds = noPhaseSeconds();
  await withWriter(async (writer) => {
    const carryAll = async (state: number | null): Promise<void> => {
      for (const item of task.items) {
        const { module, directions, rank, split, factorA, factorB } = item;
        const found =
          directions && rank < module.rank ? loadDirections(directions) : identityDirections(module.rank);
        const matrices = await timePhase(phaseSeconds, 'project', () =>
          kernels.transfer(
            { directions: found, rank, split, factorA: [factorA], factorB: [factorB] },
            module.rank,
          ),
        );
        timePhase(phaseSeconds, 'write', () => {
          writer.bytes(task.projectionsPath, bytesOf(matrices.p), item.offsetP);
          writer.bytes(task.projectionsPath, bytesOf(matrices.r), item.offsetR);
        });
        if (!task.state || state === null) continue;
        const tools = {
          matrices,
          kernels,
          reader,
          phaseSeconds,
          state,
          writer,
          outputPath: task.state.outputPath,
        };
        for (const move of item.moments) await carryMoment(item, move, tools);
      }
    };
    await (task.state ? withFile(task.state.path, carryAll) : carryAll(null));
  });
  return { phaseSeconds };
}

async function carryMoment(
  { module, rank, ratio }: CarryItem,
  { power, a, b, offsetA, offsetB }: MomentMove,
  { matrices: { p, r }, kernels, reader, phaseSeconds, state, writer, outputPath }: CarryTools,
): Promise<void> {
  for (const chunk of chunksOf(module)) {
    const moment = timePhase(phaseSeconds, 'load', () => reader.read(state, [{ ...module, a, b }], chunk));
    const gridA = GRID_OF_DTYPE[a.dtype];
    const gridB = GRID_OF_DTYPE[b.dtype];
    const carried = await timePhase(phaseSeconds, 'project', () =>
      kernels.carry({ power, ...moment, p, r, k: rank, ratio, gridA, gridB }),
    );
    refuseNonFinite(b, carried.energyB);
    refuseNonFinite(a, carried.energyA);
    if (power === 2) {
      refuseNegative(b, carried.leastB);
      refuseNegative(a, carried.leastA);
    }
    timePhase(phaseSeconds, 'write', () => {
      const blockB = { data: carried.b, rows: moment.b.rows, columns: rank };
      const blockA = { data: carried.a, rows: rank, columns: moment.a.columns };
      const placeB = { offsetBytes: offsetB, dtype: b.dtype, width: rank };
      const placeA = { offsetBytes: offsetA, dtype: a.dtype, width: module.n };
      writer.block(outputPath, placeB, blockB, chunk.rows[0], 0);
      writer.block(outputPath, placeA, blockA, 0, chunk.columns[0]);
    });
  }
}

function refuseNonFinite({ name, dtype }: FactorRange, energy: number): void {
  if (Number.isFinite(energy)) return;
  throw new AppError(
    'OPTIMIZER_STATE_INVALID',
    `Tensor "${name}" holds NaN or infinity, or a number that is too large for ${DTYPE_NAMES[dtype]} after its projection to the new rank.`,
    { tensor: name, dtype: DTYPE_NAMES[dtype] },
  );
}

/** A second moment is an average of squares. Adam takes its root, so a negative value would lead to NaN. */
function refuseNegative({ name }: FactorRange, minimum: number): void {
  if (minimum >= 0) return;
  throw new AppError(
    'OPTIMIZER_STATE_INVALID',
    `Tensor "${name}" holds ${minimum}, but a second moment is an average of squares and cannot be negative.`,
    { tensor: name, value: minimum },
  );
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
