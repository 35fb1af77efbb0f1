import { decode } from './half.ts';

/** Numbers in a block. */
export const Q8_0_ELEMENTS = 32;
/** A float16 scale, then a signed byte for each number (ggml-common.h, block_q8_0). */
export const Q8_0_BYTES = 34;

const SCALE_BYTES = 2;

/**
 * Decodes ggml's Q8_0: number i of a block is scale · byte i (ggml-quants.c, dequantize_row_q8_0). This is exact,
 * because an 11-bit significand times 8 bits fits into float32.
 * @param bytes whole blocks
 * @returns 32 numbers for each block
 * @throws RangeError for other bytes (a fault of the program)
 */
export function decodeQ8_0(bytes: Uint8Array): Float32Array {
  const blocks = bytes.length / Q8_0_BYTES;
  if (!Number.isInteger(blocks))
    throw new RangeError(`${bytes.length} bytes do not fill whole blocks of Q8_0`);
  const into = new Float32Array(blocks * Q8_0_ELEMENTS);
  const scaleBytes = new Uint8Array(blocks * SCALE_BYTES);
  for (let block = 0; block < blocks; block++) {
    const at = block * Q8_0_BYTES;
    scaleBytes.set(bytes.subarray(at, at + SCALE_BYTES), block * SCALE_BYTES);
  }
  const scales = new Float32Array(blocks);
  decode('F16', scaleBytes, scales);
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let block = 0; block < blocks; block++) {
    const from = block * Q8_0_BYTES + SCALE_BYTES;
    const to = block * Q8_0_ELEMENTS;
    const scale = scales[block]!;
    for (let i = 0; i < Q8_0_ELEMENTS; i++) into[to + i] = scale * signed[from + i]!;
  }
  return into;
}
