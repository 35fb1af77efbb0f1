import { type FileHandle, open } from 'node:fs/promises';
import type { FactorDtype, TensorEntry } from '../../adapter/adapter.ts';
import { DTYPE_NAMES } from '../../adapter/dtype-names.ts';
import { readFully, writeFully } from '../../bytes/file-ranges.ts';
import { BYTES_PER_ELEMENT, decode, encode, type FloatDtype } from '../../core/half.ts';
import { roundTo } from '../../core/round.ts';
import { AppError } from '../../errors/app-error.ts';

/** Numbers that are cast at a time. */
const CHUNK = 256 * 1024;

/** A tensor to be written in its dtype that has another dtype in the source, or whose numbers are multiplied. */
interface TensorCast {
  readonly entry: TensorEntry;
  /** First byte in the target. */
  readonly to: number;
}

export const isCast = ({ castFrom, multiplier = 1 }: TensorEntry): boolean =>
  castFrom !== undefined || multiplier !== 1;

/**
 * Casts tensors of one file and writes them to another: to the nearest number, ties to even; float64 by way of
 * float32, multiplied in float64.
 * @throws AppError NON_FINITE_RESULT naming the tensor, for NaN, infinity and numbers that do not fit
 */
export async function castTensors(
  sourcePath: string,
  target: FileHandle,
  casts: readonly TensorCast[],
): Promise<void> {
  if (casts.length === 0) return;
  const source = await open(sourcePath, 'r');
  try {
    for (const cast of casts) await castTensor(source, target, cast);
  } finally {
    await source.close();
  }
}

async function castTensor(source: FileHandle, target: FileHandle, { entry, to }: TensorCast): Promise<void> {
  const { castFrom = entry.dtype, multiplier = 1, beginByte, endByte } = entry;
  const dtype = entry.dtype as FactorDtype;
  const size = castFrom === 'F64' ? 8 : BYTES_PER_ELEMENT[castFrom as FloatDtype];
  const count = (endByte - beginByte) / size;
  for (let done = 0; done < count; done += CHUNK) {
    const length = Math.min(CHUNK, count - done);
    // A separate buffer, so that the numbers in it are aligned.
    const bytes = new Uint8Array(length * size);
    await readFully(source, bytes, beginByte + done * size, entry.name);
    const numbers = decoded(castFrom, bytes, length);
    refuseNonFinite(entry, numbers, 'holds NaN, infinity or a number outside the range of float32');
    if (multiplier !== 1) for (const [at, number] of numbers.entries()) numbers[at] = number * multiplier;
    roundTo(dtype, numbers);
    refuseNonFinite(entry, numbers, `has a number that is too large for ${DTYPE_NAMES[dtype]}`);
    await writeFully(target, encode(dtype, numbers), to + done * BYTES_PER_ELEMENT[dtype]);
  }
}

function decoded(dtype: string, bytes: Uint8Array, length: number): Float32Array {
  if (dtype === 'F64') return Float32Array.from(new Float64Array(bytes.buffer, bytes.byteOffset, length));
  const numbers = new Float32Array(length);
  decode(dtype as FloatDtype, bytes, numbers);
  return numbers;
}

function refuseNonFinite({ name, castFrom, dtype }: TensorEntry, numbers: Float32Array, what: string): void {
  if (numbers.every(Number.isFinite)) return;
  throw new AppError('NON_FINITE_RESULT', `Tensor ${JSON.stringify(name)} cannot be cast: it ${what}.`, {
    tensor: name,
    from: castFrom ?? dtype,
    dtype,
  });
}
