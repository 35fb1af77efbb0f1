import type { GgmlName } from '../gguf/gguf-file.ts';

/** Numbers in a block of Q8_0, after a scale in float16. */
const BLOCK = 32;

/** The types in which the tests themselves write tensors. */
export type WrittenType = Extract<GgmlName, 'F32' | 'F16' | 'Q8_0'>;

/** Encodes numbers as the bytes of a ggml tensor. */
export function inGgml(type: WrittenType, numbers: ArrayLike<number>): Uint8Array {
  if (type === 'F32') return new Uint8Array(Float32Array.from(numbers).buffer);
  if (type === 'F16') return new Uint8Array(Uint16Array.from(numbers, float16Bits).buffer);
  return Buffer.concat(
    blocksOf(numbers).map(({ scale, whole }) => {
      const block = Buffer.alloc(2 + BLOCK);
      block.writeUInt16LE((Math.log2(scale) + 15) << 10);
      block.set(Int8Array.from(whole), 2);
      return block;
    }),
  );
}

/** The values of the numbers after they are rounded to the type. */
export function roundedTo(type: WrittenType, numbers: Float64Array): Float64Array {
  if (type === 'F32') return numbers.map(Math.fround);
  return type === 'F16' ? numbers.map(roundedToF16) : roundedToQ8(numbers);
}

/** The exponent of a value in float16, whose first bit 10 others follow. */
const exponentOf = (value: number): number => Math.max(-14, Math.floor(Math.log2(Math.abs(value))));
const roundedToF16 = (value: number): number => {
  const step = 2 ** (exponentOf(value) - 10);
  return step * Math.round(value / step);
};

/** IEEE 754 binary16. A fraction that is rounded up to 2 carries over into the exponent. */
function float16Bits(value: number): number {
  const exponent = exponentOf(value);
  const whole = Math.abs(Math.round(value / 2 ** (exponent - 10)));
  return (value < 0 ? 0x8000 : 0) + ((exponent + 14) << 10) + whole;
}

/** The values of the numbers after they are rounded to Q8_0. */
export const roundedToQ8 = (numbers: ArrayLike<number>): Float64Array =>
  Float64Array.from(blocksOf(numbers).flatMap(({ scale, whole }) => whole.map((number) => scale * number)));

function blocksOf(
  numbers: ArrayLike<number>,
): { readonly scale: number; readonly whole: readonly number[] }[] {
  const all = Array.from(numbers);
  return Array.from({ length: all.length / BLOCK }, (_, at) => {
    const block = all.slice(BLOCK * at, BLOCK * (at + 1));
    // A power of two, which float16 holds exactly, such that the largest number becomes at most 127.
    const scale = 2 ** Math.ceil(Math.log2(Math.max(...block.map(Math.abs)) / 127));
    return { scale, whole: block.map((number) => Math.round(number / scale)) };
  });
}
