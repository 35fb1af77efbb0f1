import { decodeQ8_0, Q8_0_BYTES } from './q8-0.ts';

/**
 * Encodings of numbers that are decoded to float32 before anything is computed: ggml's blocks, and dtypes of
 * safetensors that are not used for factors here.
 */
export type NumberEncoding = 'q8_0' | EncodedDtype;

/** Under their names in safetensors. */
export type EncodedDtype = 'F64' | Float8;

/** Sign, exponent and fraction in one byte (arXiv 2209.05433; FNUZ: arXiv 2206.02915). */
type Float8 = 'F8_E4M3' | 'F8_E5M2' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ';

interface Float8Layout {
  readonly fractionBits: number;
  readonly bias: number;
  /** ieee: the largest exponent is for infinities and NaN. fn: only all ones are NaN. fnuz: only 0x80 is NaN. */
  readonly specials: 'ieee' | 'fn' | 'fnuz';
}

const FLOAT8: Readonly<Record<Float8, Float8Layout>> = {
  F8_E4M3: { fractionBits: 3, bias: 7, specials: 'fn' },
  F8_E5M2: { fractionBits: 2, bias: 15, specials: 'ieee' },
  F8_E4M3FNUZ: { fractionBits: 3, bias: 8, specials: 'fnuz' },
  F8_E5M2FNUZ: { fractionBits: 2, bias: 16, specials: 'fnuz' },
};

/** Bytes that are decoded together: a number, or a block of them. */
export const UNIT_BYTES: Readonly<Record<NumberEncoding, number>> = {
  q8_0: Q8_0_BYTES,
  F64: 8,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
};

/** Whether tensors of this dtype can be decoded to float32. */
export const isEncodedDtype = (dtype: string): dtype is EncodedDtype =>
  dtype === 'F64' || Object.hasOwn(FLOAT8, dtype);

/**
 * Whether float32 can represent every number of the dtype. Numbers of float64 are rounded, and become infinite beyond
 * the range of float32.
 */
export const isExact = (dtype: EncodedDtype): boolean => dtype !== 'F64';

/**
 * The numbers as float32.
 * @param bytes whole units
 * @throws RangeError for other bytes (a fault of the program)
 */
export function decodeUnits(encoding: NumberEncoding, bytes: Uint8Array): Float32Array {
  if (encoding === 'q8_0') return decodeQ8_0(bytes);
  if (bytes.length % UNIT_BYTES[encoding] !== 0)
    throw new RangeError(`${bytes.length} bytes do not contain a whole number of values of ${encoding}`);
  // A copy, whose numbers are aligned.
  if (encoding === 'F64') return new Float32Array(new Float64Array(bytes.slice().buffer));
  const numbers = tableOf(encoding);
  const into = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) into[i] = numbers[bytes[i]!]!;
  return into;
}

const tables = new Map<Float8, Float32Array>();

/** The numbers of all 256 bytes, which are computed on first use. */
function tableOf(dtype: Float8): Float32Array {
  const table =
    tables.get(dtype) ?? Float32Array.from({ length: 256 }, (_, byte) => float8(FLOAT8[dtype], byte));
  tables.set(dtype, table);
  return table;
}

function float8({ fractionBits, bias, specials }: Float8Layout, byte: number): number {
  const sign = byte & 0x80 ? -1 : 1;
  const exponentMask = (1 << (7 - fractionBits)) - 1;
  const exponent = (byte >> fractionBits) & exponentMask;
  const fraction = byte & ((1 << fractionBits) - 1);
  if (specials === 'fnuz' && byte === 0x80) return Number.NaN;
  if (specials === 'fn' && (byte & 0x7f) === 0x7f) return Number.NaN;
  if (specials === 'ieee' && exponent === exponentMask)
    return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  const parts = fraction / (1 << fractionBits);
  return exponent === 0 ? sign * parts * 2 ** (1 - bias) : sign * (1 + parts) * 2 ** (exponent - bias);
}
