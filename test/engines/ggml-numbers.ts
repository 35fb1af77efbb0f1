import type { GgmlName } from '../gguf/gguf-file.ts';

/** Numbers in a block of Q8_0, after a scale in float16. */
const BLOCK = 32;

/** Encodes numbers as the bytes of a ggml tensor. The tests themselves write F32 and Q8_0. */
export function inGgml(type: GgmlName, numbers: ArrayLike<number>): Uint8Array {
  if (type === 'F32') return new Uint8Array(Float32Array.from(numbers).buffer);
  if (type !== 'Q8_0') throw new Error(`${type} is not written here`);
  return Buffer.concat(
    blocksOf(numbers).map(({ scale, whole }) => {
      const block = Buffer.alloc(2 + BLOCK);
      block.writeUInt16LE((Math.log2(scale) + 15) << 10);
      block.set(Int8Array.from(whole), 2);
      return block;
    }),
  );
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
