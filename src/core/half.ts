/**
 * Decodes factors to float32 and encodes them again. Encoding expects numbers that the dtype can represent exactly:
 * the graphs have rounded them (ties to even), and these functions only move bits. Little-endian, like safetensors
 * and every machine on which Node runs.
 */

export type FloatDtype = 'F32' | 'F16' | 'BF16';

export const BYTES_PER_ELEMENT: Readonly<Record<FloatDtype, number>> = { F32: 4, F16: 2, BF16: 2 };

/** The numbers of all 65536 float16 patterns, which are computed on first use. */
let float16Numbers: Float32Array | undefined;

function float16Table(): Float32Array {
  if (float16Numbers) return float16Numbers;
  float16Numbers = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) float16Numbers[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) float16Numbers[bits] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else float16Numbers[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return float16Numbers;
}

/**
 * @param bytes whole elements, at an offset in their buffer that is a multiple of the element size
 * @param into receives one number for each element
 */
export function decode(dtype: FloatDtype, bytes: Uint8Array, into: Float32Array): void {
  const { buffer, byteOffset } = bytes;
  if (dtype === 'F32') {
    into.set(new Float32Array(buffer, byteOffset, into.length));
    return;
  }
  const words = new Uint16Array(buffer, byteOffset, into.length);
  if (dtype === 'BF16') {
    widen(words, new Int32Array(into.buffer, into.byteOffset, into.length));
    return;
  }
  const numbers = float16Table();
  for (let i = 0; i < words.length; i++) into[i] = numbers[words[i]!]!;
}

/** The bytes of numbers that `dtype` holds exactly; a new buffer, or a view of `numbers` for F32. */
export function encode(dtype: FloatDtype, numbers: Float32Array): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const bits = new Int32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  const words = new Uint16Array(numbers.length);
  if (dtype === 'BF16') {
    narrow(bits, words);
  } else {
    for (let i = 0; i < words.length; i++) words[i] = float16Bits(bits[i]!);
  }
  return new Uint8Array(words.buffer);
}

/**
 * bfloat16 is the upper half of a float32. Two numbers are widened at a time, which is a third faster; half of the
 * time for reading a job is spent in this loop.
 */
function widen(words: Uint16Array, bits: Int32Array): void {
  const pairCount = words.byteOffset % 4 === 0 ? words.length >> 1 : 0;
  const pairs = new Int32Array(words.buffer, pairCount > 0 ? words.byteOffset : 0, pairCount);
  for (let i = 0, at = 0; i < pairCount; i++, at += 2) {
    const pair = pairs[i]!;
    bits[at] = pair << 16;
    bits[at + 1] = pair & 0xffff0000;
  }
  for (let i = 2 * pairCount; i < words.length; i++) bits[i] = words[i]! << 16;
}

function narrow(bits: Int32Array, words: Uint16Array): void {
  const pairs = new Int32Array(words.buffer, 0, words.length >> 1);
  for (let i = 0, at = 0; i < pairs.length; i++, at += 2) {
    pairs[i] = (bits[at]! >>> 16) | (bits[at + 1]! & 0xffff0000);
  }
  if (words.length % 2 === 1) words[words.length - 1] = bits[words.length - 1]! >>> 16;
}

/** Converts the bits of a float32 number to those of the float16 number. */
function float16Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127;
  const fraction = bits & 0x7fffff;
  if (exponent >= -14) return sign | ((exponent + 15) << 10) | (fraction >>> 13);
  // Subnormal in float16 (multiples of 2⁻²⁴); 2⁻²⁴ itself is 1.0·2⁻²⁴.
  if (exponent < -24) return sign;
  return sign | ((fraction | 0x800000) >>> (-exponent - 1));
}
