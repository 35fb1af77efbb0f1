import type { TensorEntry } from '../adapter/adapter.ts';
import { faultOfName } from '../adapter/tensor-name.ts';
import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/error-kinds.ts';
import { quote } from '../json/quote.ts';
import type { JsonValue } from '../json/strict-json.ts';
import { dtypeBits } from './dtype.ts';
import { MAX_DIMENSIONS, MAX_NAME_BYTES } from './limits.ts';

const U64_MAX = 2n ** 64n - 1n;

type Integer = number | bigint;

/**
 * Reads the entry of one tensor and checks it alone: name, dtype, and shape against offsets.
 * @param dataBegin added to the offsets, which the file counts from the start of its data section
 * @throws AppError ST_*, LORA_RANK_DIMS for more dimensions than any reader takes
 */
export function readTensor(name: string, value: JsonValue, dataBegin: number): TensorEntry {
  checkName(name);
  if (!(value instanceof Map)) throw refuse('ST_HEADER_JSON', name, 'its entry must be an object');
  const dtype = value.get('dtype');
  if (typeof dtype !== 'string') throw refuse('ST_HEADER_JSON', name, 'its dtype must be a string');
  const bits = dtypeBits(dtype);
  if (bits === undefined) throw refuse('ST_UNKNOWN_DTYPE', name, `its dtype ${quote(dtype)} is unknown`);
  const shape = readShape(name, value.get('shape'));
  const [begin, end] = readOffsets(name, value.get('data_offsets'));
  const bytes = bytesOf(name, shape, dtype, bits);
  const given = difference(end, begin);
  if (given !== bytes && BigInt(given) !== BigInt(bytes)) {
    throw refuse(
      'ST_TENSOR_INVALID_INFO',
      name,
      `its shape [${shape}] of ${dtype} takes ${bytes} bytes, not ${given}`,
    );
  }
  const endByte = Number(end) + dataBegin;
  if (!Number.isSafeInteger(endByte)) {
    throw refuse(
      'ST_BUFFER_NOT_COVERED',
      name,
      `it ends at byte ${end}, which is beyond the largest possible file`,
    );
  }
  if (shape.some((dimension) => typeof dimension === 'bigint')) {
    // beside a dimension of 0, else the bytes could not have matched
    throw refuse('ST_VALIDATION_OVERFLOW', name, `a dimension of its shape [${shape}] exceeds 2^53`);
  }
  return { name, dtype, shape: shape.map(Number), beginByte: Number(begin) + dataBegin, endByte };
}

function checkName(name: string): void {
  const fault = faultOfName(name, MAX_NAME_BYTES);
  if (fault !== undefined) throw refuse('ST_TENSOR_NAME', name, fault);
}

function readShape(name: string, value: JsonValue | undefined): Integer[] {
  if (!Array.isArray(value) || !value.every(isUnsigned)) {
    throw refuse('ST_HEADER_JSON', name, 'its shape must be a list of integers from 0 to 2^64 − 1');
  }
  if (value.length > MAX_DIMENSIONS) {
    throw refuse(
      'LORA_RANK_DIMS',
      name,
      `it has ${value.length} dimensions, but may have at most ${MAX_DIMENSIONS}`,
    );
  }
  return value;
}

function readOffsets(name: string, value: JsonValue | undefined): [Integer, Integer] {
  const isPair = Array.isArray(value) && value.length === 2;
  const [begin, end] = isPair ? value : [];
  if (isNegative(begin) || isNegative(end)) {
    throw refuse('ST_INVALID_OFFSET', name, `its data_offsets [${begin}, ${end}] are negative`);
  }
  if (!isUnsigned(begin) || !isUnsigned(end)) {
    throw refuse('ST_HEADER_JSON', name, 'its data_offsets must be two integers from 0 to 2^64 − 1');
  }
  if (begin > end)
    throw refuse('ST_INVALID_OFFSET', name, `its data_offsets [${begin}, ${end}] end before they begin`);
  return [begin, end];
}

/** Bytes of the tensor. Multiplies as the reference does, refusing what overflows its u64 on the way. */
function bytesOf(name: string, shape: readonly Integer[], dtype: string, bits: number): Integer {
  const quick = shape.reduce<number>((product, dimension) => product * Number(dimension), bits);
  // Exact below 2^53; a zero may hide an overflow on the way to it.
  if (quick > 0 && quick <= Number.MAX_SAFE_INTEGER && quick % 8 === 0) return quick / 8;
  let elements = 1n;
  for (const dimension of shape) elements = checked(name, shape, elements * BigInt(dimension));
  const total = checked(name, shape, BigInt(bits) * elements);
  if (total % 8n !== 0n) {
    throw refuse(
      'ST_MISALIGNED',
      name,
      `its ${elements} elements of ${bits} bits (${dtype}) do not fill whole bytes`,
    );
  }
  return total / 8n;
}

function checked(name: string, shape: readonly Integer[], value: bigint): bigint {
  if (value > U64_MAX)
    throw refuse('ST_VALIDATION_OVERFLOW', name, `the size of its shape [${shape}] overflows 64 bits`);
  return value;
}

function difference(end: Integer, begin: Integer): Integer {
  return typeof end === 'number' && typeof begin === 'number' ? end - begin : BigInt(end) - BigInt(begin);
}

function isUnsigned(value: JsonValue | undefined): value is Integer {
  if (typeof value === 'number') return value >= 0 && !Object.is(value, -0);
  return typeof value === 'bigint' && value >= 0n && value <= U64_MAX;
}

function isNegative(value: JsonValue | undefined): boolean {
  return (typeof value === 'number' || typeof value === 'bigint') && value < 0;
}

function refuse(code: ErrorCode, tensor: string, what: string): AppError {
  return new AppError(code, `Tensor ${quote(tensor)}: ${what}.`, { tensor: tensor.slice(0, MAX_NAME_BYTES) });
}
