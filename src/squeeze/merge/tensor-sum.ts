import { type FileHandle, open } from 'node:fs/promises';
import type { FactorDtype, TensorEntry } from '../../adapter/adapter.ts';
import { decodeUnits, isEncodedDtype } from '../../core/encodings.ts';
import { decode } from '../../core/half.ts';
import { AppError } from '../../errors/app-error.ts';
import type { AddedPart, AddedTensor } from '../../formats/merge/added-tensors.ts';
import { bitsOf } from '../../safetensors/dtype.ts';
import { readFully, writeFully } from '../file-ranges.ts';
import type { SourceFiles } from '../job-context.ts';

/** Where the terms' weights lie, by adapter id. */
export type TermFiles = ReadonlyMap<string, Pick<SourceFiles, 'weightsPath'>>;

/** Numbers that are added at a time. */
const CHUNK = 128 * 1024;

/**
 * Writes Σ factor·tensor in float32. The products are added in float64, in the order of the parts, and rounded once.
 * @param target the open file, and the first byte of the tensor in it
 * @throws AppError NON_FINITE_WEIGHTS naming tensor and adapter, NON_FINITE_RESULT, CANCELLED
 */
export async function writeTensorSum(
  { name, shape, parts }: AddedTensor,
  files: TermFiles,
  { file, to }: { readonly file: FileHandle; readonly to: number },
  signal: AbortSignal,
): Promise<void> {
  const count = shape.reduce((product, extent) => product * extent, 1);
  for (let begin = 0; begin < count; begin += CHUNK) {
    if (signal.aborted) throw new AppError('CANCELLED', 'The job was cancelled while it ran.');
    const sum = new Float64Array(Math.min(CHUNK, count - begin));
    for (const part of parts) {
      const numbers = await readNumbers(files.get(part.id)!.weightsPath, part, begin, sum.length);
      for (let at = 0; at < sum.length; at++) sum[at]! += part.factor * numbers[at]!;
    }
    const rounded = Float32Array.from(sum);
    if (!rounded.every(Number.isFinite)) {
      throw new AppError(
        'NON_FINITE_RESULT',
        `Tensor ${JSON.stringify(name)} of the sum has a number that does not fit float32: use smaller weights.`,
        { tensor: name, adapters: parts.map(({ id }) => id) },
      );
    }
    await writeFully(file, new Uint8Array(rounded.buffer), to + begin * Float32Array.BYTES_PER_ELEMENT);
  }
}

/** @throws AppError NON_FINITE_WEIGHTS naming tensor and adapter */
async function readNumbers(
  path: string,
  { id, entry }: AddedPart,
  begin: number,
  count: number,
): Promise<Float32Array> {
  const { name, dtype, beginByte } = entry;
  const size = bitsOf(dtype)! / 8;
  // A buffer of its own, so that numbers in it begin where their size wants them.
  const bytes = new Uint8Array(count * size);
  const source = await open(path, 'r');
  try {
    await readFully(source, bytes, beginByte + begin * size, name);
  } finally {
    await source.close();
  }
  const numbers = decoded(entry, bytes, count);
  if (numbers.every(Number.isFinite)) return numbers;
  throw new AppError(
    'NON_FINITE_WEIGHTS',
    `Tensor ${JSON.stringify(name)} of adapter ${id} holds NaN, infinity or a number beyond float32.`,
    { tensor: name, adapter: id },
  );
}

function decoded({ dtype }: TensorEntry, bytes: Uint8Array, count: number): Float32Array {
  if (isEncodedDtype(dtype)) return decodeUnits(dtype, bytes);
  const numbers = new Float32Array(count);
  decode(dtype as FactorDtype, bytes, numbers);
  return numbers;
}
