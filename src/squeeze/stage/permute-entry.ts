import type { FileHandle } from 'node:fs/promises';
import type { StagedSource } from '../../adapter/staging-plan.ts';
import { readFully, writeFully } from '../../bytes/file-ranges.ts';
import { permute, stridesOf } from '../../core/permute.ts';
import { dtypeBits } from '../../safetensors/dtype.ts';

/** Bytes of a tensor that are reordered in memory at a time; twice this is needed. */
const PERMUTE_BYTES = 32 * 1024 * 1024;

/** A tensor in a file, and how its axes are reordered. */
export type Permutation = Omit<Extract<StagedSource, { kind: 'permute' }>, 'kind'>;

/**
 * Writes the bytes of an entry with its axes reordered. A tensor of more than `limit` bytes is written in parts, each
 * of which is contiguous in the result and gathered from the source.
 */
export async function permuteEntry(
  { entry, shape, axes }: Permutation,
  source: FileHandle,
  target: FileHandle,
  offset: number,
  limit = PERMUTE_BYTES,
): Promise<void> {
  const elementBytes = dtypeBits(entry.dtype)! / 8;
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  if (count * elementBytes !== entry.endByte - entry.beginByte)
    throw new RangeError(`tensor "${entry.name}" is not an array [${shape}] of ${entry.dtype}`);
  let to = offset;
  for (const box of boxes(shape, axes, elementBytes, limit)) {
    const bytes = await gather(source, entry, elementBytes, shape, box);
    const extents = box.map(([begin, end]) => end - begin);
    await writeFully(target, permute(bytes, elementBytes, extents, axes), to);
    to += bytes.length;
  }
}

/** For each axis of the source: the range of indices of a part. */
type Box = readonly (readonly [begin: number, end: number])[];

/** Parts of the source that are consecutive in the result, each of at most `limit` bytes or one element. */
function* boxes(
  shape: readonly number[],
  axes: readonly number[],
  elementBytes: number,
  limit: number,
): Generator<Box> {
  const whole: [number, number][] = shape.map((extent) => [0, extent]);
  yield* cut(whole, 0);

  function* cut(box: readonly [number, number][], depth: number): Generator<Box> {
    const bytes = box.reduce((product, [begin, end]) => product * (end - begin), elementBytes);
    if (bytes <= limit || depth === axes.length) {
      if (bytes > 0) yield box;
      return;
    }
    const axis = axes[depth]!;
    const extent = shape[axis]!;
    const step = Math.max(1, Math.floor(limit / (bytes / extent)));
    for (let begin = 0; begin < extent; begin += step) {
      const part: [number, number] = [begin, Math.min(extent, begin + step)];
      yield* cut(box.with(axis, part), depth + 1);
    }
  }
}

/** Reads a part of a row-major array from the file, in as few contiguous pieces as possible. */
async function gather(
  source: FileHandle,
  entry: { readonly name: string; readonly beginByte: number },
  elementBytes: number,
  shape: readonly number[],
  box: Box,
): Promise<Uint8Array> {
  const strides = stridesOf(shape).map((stride) => stride * elementBytes);
  const total = box.reduce((product, [begin, end]) => product * (end - begin), elementBytes);
  const bytes = new Uint8Array(total);
  let at = 0;
  const read = async (axis: number, position: number, size: number): Promise<void> => {
    const isPiece = box.slice(axis + 1).every(([begin, end], i) => end - begin === shape[axis + 1 + i]);
    if (axis === shape.length || isPiece) {
      const from = axis === shape.length ? position : position + box[axis]![0] * strides[axis]!;
      await readFully(source, bytes.subarray(at, at + size), from, entry.name);
      at += size;
      return;
    }
    const [begin, end] = box[axis]!;
    for (let index = begin; index < end; index++)
      await read(axis + 1, position + index * strides[axis]!, size / (end - begin));
  };
  await read(0, entry.beginByte, total);
  return bytes;
}
