import type { FileLayout } from '../adapter/adapter.ts';
import { padded, readAlignment } from './alignment.ts';
import type { GgufArray, GgufTyped, GgufValue } from './header.ts';
import { typeOfDtype } from './tensor-type.ts';
import { SCALARS, VALUE_TYPE } from './value-type.ts';

/** A tensor before it is written; its shape is row-major, the slowest axis first. */
export interface GgufTensorSpec {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

const VERSION = 3;

/**
 * Lays out a GGUF file (ggml/docs/gguf.md): tensors in the order given, each at a multiple of general.alignment (32 if the
 * keys do not contain it), with zeros between them and after the last one. The same input gives the same bytes.
 * @throws RangeError for an unknown dtype or a value that does not suit its type (our own mistake, never the input's)
 */
export function layOutGguf(
  tensors: readonly GgufTensorSpec[],
  keyValues: ReadonlyMap<string, GgufTyped>,
): FileLayout {
  const alignment = readAlignment(keyValues);
  const parts: Uint8Array[] = [Buffer.from('GGUF', 'latin1'), uint32(VERSION)];
  parts.push(uint64(tensors.length), uint64(keyValues.size));
  for (const [key, { type, value }] of keyValues)
    parts.push(...string(key), uint32(type), ...encode(type, value));
  const begins: number[] = [];
  let end = 0;
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    const begin = padded(end, alignment);
    begins.push(begin);
    const { id, bytes } = sizeOf(tensor);
    parts.push(
      ...string(name),
      uint32(shape.length),
      ...shape.toReversed().map(uint64),
      uint32(id),
      uint64(begin),
    );
    end = begin + bytes;
    if (!Number.isSafeInteger(end))
      throw new RangeError(`tensor "${name}" of ${dtype} ends at byte ${end}, after 2^53 bytes`);
  }
  const header = Buffer.concat(parts);
  const headerBytes = new Uint8Array(padded(header.length, alignment));
  headerBytes.set(header);
  const dataBegin = headerBytes.length;
  return {
    headerBytes,
    offsets: begins.map((begin) => begin + dataBegin),
    totalBytes: dataBegin + padded(end, alignment),
  };
}

function sizeOf({ name, dtype, shape }: GgufTensorSpec): { id: number; bytes: number } {
  const type = typeOfDtype(dtype);
  const blocks = (shape.at(-1) ?? 1) / (type?.blockElements ?? 1);
  if (!type || !Number.isInteger(blocks))
    throw new RangeError(`tensor "${name}": [${shape}] of dtype "${dtype}"`);
  const bytes = shape.slice(0, -1).reduce((product, extent) => product * extent, blocks * type.blockBytes);
  return { id: type.id, bytes };
}

function encode(type: number, value: GgufValue): Uint8Array[] {
  if (type === VALUE_TYPE.string && typeof value === 'string') return string(value);
  if (type === VALUE_TYPE.array && isArray(value)) {
    const values = value.values.flatMap((item) => encode(value.type, item));
    return [uint32(value.type), uint64(value.values.length), ...values];
  }
  const scalar = SCALARS.get(type);
  if (!scalar || typeof value === 'string' || isArray(value))
    throw new RangeError(`no value of the type ${type}`);
  const bytes = new Uint8Array(scalar.bytes);
  scalar.set(new DataView(bytes.buffer), value);
  return [bytes];
}

const isArray = (value: GgufValue): value is GgufArray => typeof value === 'object';

function string(text: string): Uint8Array[] {
  const bytes = Buffer.from(text, 'utf8');
  return [uint64(bytes.length), bytes];
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}
