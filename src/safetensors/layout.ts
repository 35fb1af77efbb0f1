import type { FileLayout } from '../adapter/adapter.ts';
import { dtypeBits } from './dtype.ts';
import { DATA_ALIGNMENT_BYTES, LENGTH_FIELD_BYTES } from './limits.ts';

export interface TensorSpec {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/**
 * Lays out a safetensors file. Tensors with larger elements come first, as in the reference writer; otherwise the
 * order is kept. So every tensor begins at a multiple of its element size without holes, which the format forbids.
 * The same input gives the same bytes.
 * @throws RangeError for an unknown dtype or a tensor of broken bytes (our own mistake, never the input's)
 */
export function layOut(tensors: readonly TensorSpec[], metadata: ReadonlyMap<string, string>): FileLayout {
  const sizes = tensors.map(bytesOf);
  const order = tensors
    .map((_, index) => index)
    .sort((x, y) => bits(tensors[y]!) - bits(tensors[x]!) || x - y);
  const begins = new Array<number>(tensors.length);
  const fields: string[] = [];
  if (metadata.size > 0) fields.push(`"__metadata__":${stringMap(metadata)}`);
  let end = 0;
  for (const index of order) {
    const { name, dtype, shape } = tensors[index]!;
    begins[index] = end;
    end += sizes[index]!;
    const info = { dtype, shape, data_offsets: [begins[index], end] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
  }
  const headerBytes = encodeHeader(`{${fields.join(',')}}`);
  const dataBegin = headerBytes.length;
  return { headerBytes, offsets: begins.map((begin) => begin + dataBegin), totalBytes: dataBegin + end };
}

function encodeHeader(json: string): Uint8Array {
  const text = Buffer.from(json, 'utf8');
  const jsonBytes = Math.ceil(text.length / DATA_ALIGNMENT_BYTES) * DATA_ALIGNMENT_BYTES;
  const header = new Uint8Array(LENGTH_FIELD_BYTES + jsonBytes).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(jsonBytes), true);
  header.set(text, LENGTH_FIELD_BYTES);
  return header;
}

/** Not through a plain object, which would reorder keys that look like integers. */
function stringMap(map: ReadonlyMap<string, string>): string {
  const entries = [...map].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  return `{${entries.join(',')}}`;
}

function bits({ name, dtype }: TensorSpec): number {
  const found = dtypeBits(dtype);
  if (found === undefined) throw new RangeError(`tensor "${name}": unknown dtype "${dtype}"`);
  return found;
}

function bytesOf(tensor: TensorSpec): number {
  const bytes = (tensor.shape.reduce((product, dimension) => product * dimension, 1) * bits(tensor)) / 8;
  if (!Number.isSafeInteger(bytes)) {
    throw new RangeError(
      `tensor "${tensor.name}": shape [${tensor.shape}] of ${tensor.dtype} does not fill whole bytes`,
    );
  }
  return bytes;
}
