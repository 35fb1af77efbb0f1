import type { FloatDtype } from './half.ts';

/**
 * Adding it to a number below 2⁻¹ leaves multiples of 2⁻²⁴, rounded to even, because these are the steps of float32
 * from there on.
 */
const HALF = 0.5;
const MIN_NORMAL_FLOAT16 = 2 ** -14;

/**
 * Rounds numbers to those that a dtype can represent, to the nearest, ties to even, as IEEE 754 and ONNX's Cast do.
 * Numbers that are too large become infinite.
 * @param numbers changed in place
 */
export function roundTo(dtype: FloatDtype, numbers: Float32Array): void {
  if (dtype === 'F32') return;
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  // Bits of a float32 fraction that the dtype lacks.
  const excess = dtype === 'BF16' ? 16 : 13;
  const mask = 2 ** excess - 1;
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i]!;
    if (!Number.isFinite(number)) continue;
    if (dtype === 'F16' && Math.abs(number) < MIN_NORMAL_FLOAT16) {
      const size = Math.fround(Math.abs(number) + HALF) - HALF;
      numbers[i] = number < 0 || Object.is(number, -0) ? -size : size;
      continue;
    }
    const word = bits[i]!;
    bits[i] = (word + (mask >>> 1) + ((word >>> excess) & 1)) & ~mask;
    if (dtype === 'F16' && Math.abs(numbers[i]!) > MAX_FLOAT16) numbers[i] = Math.sign(number) * Infinity;
  }
}

const MAX_FLOAT16 = 65504;
