import type { TensorEntry } from '../adapter/adapter.ts';
import { faultOfName } from '../adapter/tensor-name.ts';
import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/error-kinds.ts';
import { quote } from '../json/quote.ts';
import { padded, readAlignment } from './alignment.ts';
import type { GgufHeader, GgufTyped, GgufValue } from './header.ts';
import { HeaderSource, type Reading } from './header-source.ts';
import {
  MAX_GGUF_DIMENSIONS,
  MAX_GGUF_NAME_BYTES,
  MAX_GGUF_TENSORS,
  MAX_KEY_BYTES,
  MAX_KEYS,
  MAX_STRING_BYTES,
} from './limits.ts';
import { typeOfId } from './tensor-type.ts';
import { SCALARS, VALUE_TYPE } from './value-type.ts';

/** "GGUF" */
const MAGIC = 0x46554747;
/** Both have the same layout: version 3 only added big-endian files. */
const VERSIONS: readonly number[] = [2, 3];

/** Elements of an array that are read at a time. */
const CHUNK_ELEMENTS = 4096;

/** A tensor in the header; its offset counts from the start of the data. */
interface TensorInfo extends Pick<TensorEntry, 'name' | 'dtype' | 'shape'> {
  readonly offset: bigint;
  readonly bytes: number;
}

/**
 * Reads the header of a GGUF file (ggml/docs/gguf.md) as its bytes arrive: keys and values, then the entries of the tensors. It is stricter
 * than the specification in the same ways as ggml's own reader (gguf.cpp): tensors follow each other without holes, arrays are not
 * nested, and names are unique.
 * @throws AppError GGUF_*, UNSUPPORTED_FORMAT for another magic
 */
export function* parseGgufHeader(): Reading<GgufHeader> {
  const source = new HeaderSource();
  if ((yield* source.uint32()) !== MAGIC)
    throw new AppError(
      'UNSUPPORTED_FORMAT',
      'The weights are not a GGUF file: they do not begin with "GGUF".',
    );
  checkVersion(yield* source.uint32());
  const tensorCount = yield* source.count('tensors', MAX_GGUF_TENSORS);
  const keyCount = yield* source.count('keys', MAX_KEYS);
  const keyValues = new Map<string, GgufTyped>();
  for (let i = 0; i < keyCount; i++) {
    const key = yield* source.string('a key', MAX_KEY_BYTES);
    if (key === '') throw new AppError('GGUF_KEY_VALUE', `In the GGUF file, key ${i} is empty.`);
    if (keyValues.has(key)) throw duplicate('key', key);
    keyValues.set(key, yield* readValue(source, key));
  }
  const alignment = readAlignment(keyValues);
  const infos = new Map<string, TensorInfo>();
  for (let i = 0; i < tensorCount; i++) {
    const info = yield* readTensorInfo(source);
    if (infos.has(info.name)) throw duplicate('tensor', info.name);
    infos.set(info.name, info);
  }
  const dataBegin = tensorCount === 0 ? source.at : padded(source.at, alignment);
  return { tensors: place([...infos.values()], dataBegin, alignment), keyValues, alignment, dataBegin };
}

function checkVersion(version: number): void {
  if (VERSIONS.includes(version)) return;
  const isBigEndian = (version & 0xffff) === 0 && version !== 0;
  throw new AppError(
    'GGUF_VERSION',
    isBigEndian
      ? 'The GGUF file is big-endian, but only little-endian files can be read.'
      : `The GGUF file has version ${version}, but only versions ${VERSIONS.join(' and ')} can be read.`,
    { version },
  );
}

/**
 * Reads one value of the metadata, beginning with its type.
 * @param key it belongs to, for messages
 * @throws AppError GGUF_KEY_VALUE, GGUF_HEADER_TOO_LARGE
 */
function* readValue(source: HeaderSource, key: string): Reading<GgufTyped> {
  const type = yield* source.uint32();
  if (type !== VALUE_TYPE.array) {
    const [value] = yield* readValues(source, type, 1, key);
    return { type, value: value! };
  }
  const elementType = yield* source.uint32();
  if (elementType === VALUE_TYPE.array)
    throw refuseValue(key, 'is an array of arrays, which llama.cpp does not read');
  const count = yield* source.elements(`the value of ${quote(key)}`);
  return { type, value: { type: elementType, values: yield* readValues(source, elementType, count, key) } };
}

function* readValues(source: HeaderSource, type: number, count: number, key: string): Reading<GgufValue[]> {
  const values: GgufValue[] = [];
  if (type === VALUE_TYPE.string) {
    for (let i = 0; i < count; i++)
      values.push(yield* source.string(`the value of ${quote(key)}`, MAX_STRING_BYTES));
    return values;
  }
  const scalar = SCALARS.get(type);
  if (!scalar) throw refuseValue(key, `has the unknown type ${type}`);
  while (values.length < count) {
    const together = Math.min(CHUNK_ELEMENTS, count - values.length);
    const view = yield* source.view(together * scalar.bytes);
    for (let i = 0; i < together; i++) {
      const value = scalar.get(view, i * scalar.bytes);
      if (value === undefined) throw refuseValue(key, 'is a boolean that is neither 0 nor 1');
      values.push(value);
    }
  }
  return values;
}

/**
 * Reads the entry of one tensor and checks it alone (ggml/docs/gguf.md, gguf_tensor_info_t).
 * @throws AppError GGUF_TENSOR_*, GGUF_HEADER_TOO_LARGE
 */
function* readTensorInfo(source: HeaderSource): Reading<TensorInfo> {
  const name = yield* source.string('the name of a tensor', MAX_STRING_BYTES);
  const fault = faultOfName(name, MAX_GGUF_NAME_BYTES);
  if (fault !== undefined) throw refuseTensor('GGUF_TENSOR_NAME', name, fault);
  const dimensions = yield* source.uint32();
  if (dimensions > MAX_GGUF_DIMENSIONS) {
    throw refuseTensor(
      'GGUF_TENSOR_SHAPE',
      name,
      `it has ${dimensions} dimensions, but may have at most ${MAX_GGUF_DIMENSIONS}`,
    );
  }
  const extents: bigint[] = [];
  for (let i = 0; i < dimensions; i++) extents.push(yield* source.uint64());
  const id = yield* source.uint32();
  const type = typeOfId(id);
  if (!type) throw refuseTensor('GGUF_TENSOR_TYPE', name, `the type ${id} is unknown`);
  const { dtype, blockElements, blockBytes } = type;
  const offset = yield* source.uint64();

  // The fastest axis comes first in the file.
  const shape = extents.reverse();
  const row = shape.at(-1) ?? 1n;
  if (row % BigInt(blockElements) !== 0n) {
    throw refuseTensor(
      'GGUF_TENSOR_SHAPE',
      name,
      `rows of ${row} elements do not fill whole blocks of ${blockElements} (${dtype})`,
    );
  }
  // A zero may hide an overflow, so each extent counts as at least 1 here.
  const maximum = shape.reduce(
    (product, extent) => product * (extent === 0n ? 1n : extent),
    BigInt(blockBytes),
  );
  if (maximum > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw refuseTensor('GGUF_TENSOR_SHAPE', name, `the size of shape [${shape}] exceeds 2^53 bytes`);
  }
  const elements = shape.reduce((product, extent) => product * Number(extent), 1);
  return { name, dtype, shape: shape.map(Number), offset, bytes: (elements / blockElements) * blockBytes };
}

function place(infos: readonly TensorInfo[], dataBegin: number, alignment: number): TensorEntry[] {
  let end = 0;
  return infos.map(({ name, dtype, shape, offset, bytes }) => {
    const begin = padded(end, alignment);
    if (offset !== BigInt(begin)) {
      throw new AppError(
        'GGUF_OFFSET',
        `In the GGUF file, tensor ${quote(name)} begins at byte ${offset} of the data, but must begin at byte ${begin}, directly after the preceding tensor.`,
        { tensor: name, offset: String(offset), expected: begin },
      );
    }
    end = begin + bytes;
    if (!Number.isSafeInteger(dataBegin + end + alignment))
      throw new AppError(
        'GGUF_TENSOR_SHAPE',
        `In the GGUF file, tensor ${quote(name)} ends after 2^53 bytes.`,
        {
          tensor: name,
        },
      );
    return { name, dtype, shape, beginByte: dataBegin + begin, endByte: dataBegin + end };
  });
}

/** First byte after the last tensor. */
export const endOfGgufData = ({ tensors, dataBegin }: GgufHeader): number =>
  tensors.at(-1)?.endByte ?? dataBegin;

/** The largest size of a file: some writers also pad after the last tensor. */
export const paddedEnd = (header: GgufHeader): number => padded(endOfGgufData(header), header.alignment);

function duplicate(what: 'key' | 'tensor', name: string): AppError {
  return new AppError('GGUF_DUPLICATE', `In the GGUF file, the ${what} ${quote(name)} appears twice.`, {
    [what]: name.slice(0, 200),
  });
}

function refuseTensor(code: ErrorCode, tensor: string, what: string): AppError {
  return new AppError(code, `In the GGUF file, tensor ${quote(tensor)}: ${what}.`, {
    tensor: tensor.slice(0, 200),
  });
}

function refuseValue(key: string, what: string): AppError {
  return new AppError('GGUF_KEY_VALUE', `In the GGUF file, the value of ${quote(key)} ${what}.`, {
    key: key.slice(0, 200),
  });
}
