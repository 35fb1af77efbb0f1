import type { FileHandle } from 'node:fs/promises';
import type { TensorEntry } from '../../adapter/adapter.ts';
import { decodeQ8_0, Q8_0_BYTES } from '../../core/q8-0.ts';
import { readFully, writeFully } from './file-ranges.ts';

/** Blocks decoded at a time: 4 MB of numbers. */
const BLOCKS = 32 * 1024;

/** Writes the numbers of a Q8_0 tensor as float32, some blocks at a time. */
export async function dequantiseEntry(
  { name, beginByte, endByte }: TensorEntry,
  source: FileHandle,
  target: FileHandle,
  offset: number,
): Promise<void> {
  let to = offset;
  for (let from = beginByte; from < endByte; from += BLOCKS * Q8_0_BYTES) {
    const bytes = new Uint8Array(Math.min(BLOCKS * Q8_0_BYTES, endByte - from));
    await readFully(source, bytes, from, name);
    const { buffer, byteOffset, byteLength } = decodeQ8_0(bytes);
    await writeFully(target, new Uint8Array(buffer, byteOffset, byteLength), to);
    to += byteLength;
  }
}
