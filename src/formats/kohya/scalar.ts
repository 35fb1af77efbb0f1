import type { TensorEntry } from '../../adapter/adapter.ts';
import { decodeUnits, isEncodedDtype } from '../../core/encodings.ts';
import { decode, encode, type FloatDtype } from '../../core/half.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';

/** Ranges of the integers that alphas are stored as. */
const INTEGERS: ReadonlyMap<string, { readonly bytes: number; readonly signed: boolean }> = new Map([
  ['I8', { bytes: 1, signed: true }],
  ['U8', { bytes: 1, signed: false }],
  ['I16', { bytes: 2, signed: true }],
  ['U16', { bytes: 2, signed: false }],
  ['I32', { bytes: 4, signed: true }],
  ['U32', { bytes: 4, signed: false }],
  ['I64', { bytes: 8, signed: true }],
  ['U64', { bytes: 8, signed: false }],
]);

/**
 * alpha with alpha / rank = scale. Dividing and multiplying may change the last bit, so a whole number or a float32
 * is preferred if it gives exactly the scale: the alpha of a file is preserved.
 */
export function alphaOfScale(scale: number, rank: number): number {
  const alpha = scale * rank;
  const same = [Math.round(alpha), Math.fround(alpha)].find((value) => value / rank === scale);
  return same ?? alpha;
}

/**
 * The number in a tensor of one element, shape [] or [1].
 * @param bytes all of the tensor, in a buffer of its own
 * @throws AppError UNSUPPORTED_DTYPE, LORA_RANK_DIMS, NON_FINITE_WEIGHTS
 */
export function decodeScalar({ name, dtype, shape }: TensorEntry, bytes: Uint8Array): number {
  if (shape.length > 1 || (shape[0] ?? 1) !== 1) {
    throw new AppError(
      'LORA_RANK_DIMS',
      `Tensor ${quote(name)} has the shape [${shape}] where one number is expected.`,
      {
        tensor: name,
        shape,
      },
    );
  }
  const value = numberIn(dtype, bytes);
  if (value === undefined) {
    throw new AppError(
      'UNSUPPORTED_DTYPE',
      `Tensor ${quote(name)} has dtype ${dtype}, in which an alpha or a scalar cannot be stored.`,
      {
        tensor: name,
        dtype,
      },
    );
  }
  if (!Number.isFinite(value)) {
    throw new AppError('NON_FINITE_WEIGHTS', `Tensor ${quote(name)} must be a finite number, not ${value}.`, {
      tensor: name,
      value: String(value),
    });
  }
  return value;
}

/**
 * A number in the dtype or, if the dtype cannot represent it exactly, as the nearest float32.
 * @returns the dtype that was taken, the number it holds, and its bytes
 */
export function encodeScalar(
  value: number,
  dtype: string,
): { readonly dtype: string; readonly value: number; readonly bytes: Uint8Array } {
  const bytes = exactly(value, dtype);
  if (bytes) return { dtype, value, bytes };
  return { dtype: 'F32', value: Math.fround(value), bytes: encode('F32', Float32Array.of(value)) };
}

function exactly(value: number, dtype: string): Uint8Array | undefined {
  const integer = INTEGERS.get(dtype);
  if (integer) return wholeNumber(value, integer);
  if (dtype === 'F64') return new Uint8Array(Float64Array.of(value).buffer);
  if (!isFloat(dtype)) return undefined;
  const bytes = encode(dtype, Float32Array.of(value));
  return numberIn(dtype, bytes) === value ? bytes : undefined;
}

function wholeNumber(
  value: number,
  { bytes, signed }: { bytes: number; signed: boolean },
): Uint8Array | undefined {
  if (!Number.isSafeInteger(value)) return undefined;
  const whole = BigInt(value);
  const bits = 8 * bytes;
  if ((signed ? BigInt.asIntN(bits, whole) : BigInt.asUintN(bits, whole)) !== whole) return undefined;
  return new Uint8Array(BigInt64Array.of(BigInt.asIntN(64, whole)).buffer).slice(0, bytes);
}

function numberIn(dtype: string, bytes: Uint8Array): number | undefined {
  const integer = INTEGERS.get(dtype);
  if (integer) {
    const wide = new Uint8Array(8);
    wide.set(bytes);
    const [whole] = new BigUint64Array(wide.buffer);
    return Number(integer.signed ? BigInt.asIntN(8 * integer.bytes, whole!) : whole!);
  }
  if (dtype === 'F64') return new Float64Array(bytes.buffer, bytes.byteOffset, 1)[0];
  if (isEncodedDtype(dtype)) return decodeUnits(dtype, bytes)[0];
  if (!isFloat(dtype)) return undefined;
  const number = new Float32Array(1);
  decode(dtype, bytes, number);
  return number[0];
}

const isFloat = (dtype: string): dtype is FloatDtype =>
  dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
