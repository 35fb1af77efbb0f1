import { readFileSync } from 'node:fs';
import { type Matrix, matrix } from './linear-algebra.ts';

/**
 * A second, minimal reader of safetensors (https://github.com/huggingface/safetensors, README, "Format"), so
 * that tests do not check the service's files with the service's own reader. It reads the whole file into
 * memory and checks only what the tests need.
 */
export interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

type HeaderEntry = { dtype: string; shape: number[]; data_offsets: [number, number] };

const LENGTH_BYTES = 8;

export function parseSafetensors(file: Uint8Array): SafetensorsFile {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const dataStart = LENGTH_BYTES + Number(view.getBigUint64(0, true));
  const text = new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(LENGTH_BYTES, dataStart));
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(text);
  const tensors = new Map<string, Tensor>();
  let covered = dataStart;
  for (const [name, entry] of Object.entries(entries as Record<string, HeaderEntry>)) {
    const [begin, end] = entry.data_offsets;
    covered = Math.max(covered, dataStart + end);
    tensors.set(name, {
      dtype: entry.dtype,
      shape: entry.shape,
      bytes: file.subarray(dataStart + begin, dataStart + end),
    });
  }
  if (covered !== file.byteLength) throw new Error(`tensors end at byte ${covered} of ${file.byteLength}`);
  return { metadata, tensors };
}

export const readSafetensors = (path: string): SafetensorsFile => parseSafetensors(readFileSync(path));

/** Writes fixtures of tests: tensors one after the other in the given order. */
export function buildSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata?: Readonly<Record<string, string>>,
): Buffer {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.byteLength] };
    offset += bytes.byteLength;
  }
  return assembleSafetensors(
    JSON.stringify(header),
    Buffer.concat(Object.values(tensors).map((tensor) => tensor.bytes)),
  );
}

/** A file of any header text and data, right or wrong. */
export function assembleSafetensors(header: string, data: Uint8Array): Buffer {
  const headerBytes = Buffer.from(header);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(headerBytes.byteLength));
  return Buffer.concat([length, headerBytes, data]);
}

export function float32Tensor(shape: readonly number[], values: ArrayLike<number>): Tensor {
  return { dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** Values as float64: F64, F32, F16 and BF16. */
export function decodeTensor({ dtype, bytes }: Tensor): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const each = (width: number, read: (at: number) => number) => {
    const values = new Float64Array(bytes.byteLength / width);
    for (let i = 0; i < values.length; i++) values[i] = read(i * width);
    return values;
  };
  switch (dtype) {
    case 'F64':
      return each(8, (at) => view.getFloat64(at, true));
    case 'F32':
      return each(4, (at) => view.getFloat32(at, true));
    case 'F16':
      return each(2, (at) => fromFloat16(view.getUint16(at, true)));
    case 'BF16': {
      // A bfloat16 is the upper half of a float32.
      const word = new DataView(new ArrayBuffer(4));
      return each(2, (at) => {
        word.setUint16(0, view.getUint16(at, true));
        return word.getFloat32(0);
      });
    }
    default:
      throw new Error(`cannot decode ${dtype}`);
  }
}

/** IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. */
function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A tensor of two or more dimensions as a matrix: the first dimension by all the others. */
export function tensorMatrix(tensor: Tensor): Matrix {
  const [rows = 1, ...rest] = tensor.shape;
  const columns = rest.reduce((product, size) => product * size, 1);
  return matrix(rows, columns, decodeTensor(tensor));
}
