import { decodeUnits, type EncodedDtype, isEncodedDtype, UNIT_BYTES } from '../core/encodings.ts';
import { BYTES_PER_ELEMENT, decode, type FloatDtype } from '../core/half.ts';
import type { Kernels } from '../engine/kernels.ts';
import { AppError } from '../errors/app-error.ts';
import { readAll, withFile, withWriter } from './factor-files.ts';
import { noPhaseSeconds, type PhaseSeconds } from './phase-seconds.ts';

/** A tensor of one adapter, with the factor by which it is multiplied. */
export interface SumPart {
  /** The adapter's id, for messages. */
  readonly adapter: string;
  readonly weightsPath: string;
  readonly tensor: {
    readonly name: string;
    readonly dtype: FloatDtype | EncodedDtype;
    readonly beginByte: number;
  };
  readonly factor: number;
}

/** Writes Σ factor·tensor in float32 to its place in a file. */
export interface SumTask {
  readonly kind: 'sum';
  /** The name of the sum. */
  readonly tensor: string;
  /** How many numbers each tensor has. */
  readonly count: number;
  readonly parts: readonly SumPart[];
  readonly path: string;
  readonly offsetBytes: number;
}

/** How many numbers of each tensor are added at a time. */
const CHUNK = 128 * 1024;

/**
 * Runs in a compute thread, in chunks.
 * @throws AppError NON_FINITE_WEIGHTS naming adapter and tensor, NON_FINITE_RESULT if a sum does not fit into float32
 */
export async function sum(
  { tensor, count, parts, path, offsetBytes }: SumTask,
  kernels: Kernels,
): Promise<{ readonly phaseSeconds: PhaseSeconds }> {
  const startedMs = performance.now();
  const place = { offsetBytes, dtype: 'F32', width: count } as const;
  const factors = parts.map(({ factor }) => factor);
  await withWriter(async (writer) => {
    for (let begin = 0; begin < count; begin += CHUNK) {
      const columns = Math.min(CHUNK, count - begin);
      const data = new Float32Array(parts.length * columns);
      for (const [index, part] of parts.entries())
        await readNumbers(part, begin, data.subarray(index * columns, (index + 1) * columns));
      const added = await kernels.sum({ data, rows: parts.length, columns }, factors);
      const broken = parts.find((_, index) => !Number.isFinite(added.energiesBefore[index]));
      if (broken) throw nonFinite(broken);
      if (!Number.isFinite(added.energyAfter)) {
        throw new AppError(
          'NON_FINITE_RESULT',
          `Tensor ${JSON.stringify(tensor)} of the sum has a number that is too large for float32: merge with smaller weights.`,
          { tensor, adapters: parts.map(({ adapter }) => adapter) },
        );
      }
      writer.block(path, place, { data: added.data, rows: 1, columns }, 0, begin);
    }
  });
  const seconds = (performance.now() - startedMs) / 1000;
  return { phaseSeconds: { ...noPhaseSeconds(), load: seconds } };
}

/** Fills `into` with the numbers of a tensor from `begin` on. */
async function readNumbers(
  { weightsPath, tensor }: SumPart,
  begin: number,
  into: Float32Array,
): Promise<void> {
  const { name, dtype, beginByte } = tensor;
  const size = isEncodedDtype(dtype) ? UNIT_BYTES[dtype] : BYTES_PER_ELEMENT[dtype];
  const bytes = new Uint8Array(into.length * size);
  await withFile(weightsPath, async (file) => readAll(file, bytes, beginByte + begin * size, name));
  if (isEncodedDtype(dtype)) into.set(decodeUnits(dtype, bytes));
  else decode(dtype, bytes, into);
}

function nonFinite({ adapter, tensor: { name } }: SumPart): AppError {
  return new AppError(
    'NON_FINITE_WEIGHTS',
    `Tensor ${JSON.stringify(name)} of adapter ${adapter} holds NaN, infinity or a number outside the range of float32.`,
    { tensor: name, adapter },
  );
}
