import type { TensorEntry } from '../adapter/adapter.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../json/quote.ts';
import { alignmentOf, padded } from './alignment.ts';
import type { GgufHeader, GgufTyped } from './header.ts';
import { HeaderSource, type Reading } from './header-source.ts';
import { MAX_KEY_BYTES, MAX_KEYS, MAX_TENSORS } from './limits.ts';
import { readTensorInfo, type TensorInfo } from './read-tensor.ts';
import { readValue } from './read-value.ts';

/** "GGUF" */
const MAGIC = 0x46554747;
/** Both have the same layout: version 3 only added big-endian files. */
const VERSIONS: readonly number[] = [2, 3];

/**
 * Reads the header of a GGUF file (docs/gguf.md) as its bytes come: keys and values, then the tensors' entries. Stricter
 * than the specification where ggml's own reader is (gguf.cpp): tensors follow each other without holes, arrays do not
 * nest, names are there once.
 * @throws AppError GGUF_*, UNSUPPORTED_FORMAT for another magic
 */
export function* parseHeader(): Reading<GgufHeader> {
  const source = new HeaderSource();
  if ((yield* source.uint32()) !== MAGIC)
    throw new AppError(
      'UNSUPPORTED_FORMAT',
      'the weights are not a GGUF file: they do not begin with "GGUF"',
    );
  checkVersion(yield* source.uint32());
  const tensorCount = yield* source.count('tensors', MAX_TENSORS);
  const keyCount = yield* source.count('keys', MAX_KEYS);
  const keyValues = new Map<string, GgufTyped>();
  for (let i = 0; i < keyCount; i++) {
    const key = yield* source.string('a key', MAX_KEY_BYTES);
    if (key === '') throw new AppError('GGUF_KEY_VALUE', `GGUF file: key ${i} is empty`);
    if (keyValues.has(key)) throw duplicate('key', key);
    keyValues.set(key, yield* readValue(source, key));
  }
  const alignment = alignmentOf(keyValues);
  const infos = new Map<string, TensorInfo>();
  for (let i = 0; i < tensorCount; i++) {
    const info = yield* readTensorInfo(source);
    if (infos.has(info.name)) throw duplicate('tensor', info.name);
    infos.set(info.name, info);
  }
  const dataBegin = tensorCount === 0 ? source.at : padded(source.at, alignment);
  return { tensors: place([...infos.values()], dataBegin, alignment), keyValues, alignment, dataBegin };
}

/** First byte after the last tensor. */
export const endOfData = ({ tensors, dataBegin }: GgufHeader): number => tensors.at(-1)?.endByte ?? dataBegin;

/** The size of a file at most: writers fill up behind the last tensor too, not all of them. */
export const paddedEnd = (header: GgufHeader): number => padded(endOfData(header), header.alignment);

function checkVersion(version: number): void {
  if (VERSIONS.includes(version)) return;
  const isBigEndian = (version & 0xffff) === 0 && version !== 0;
  throw new AppError(
    'GGUF_VERSION',
    isBigEndian
      ? 'GGUF file: it is big-endian; only little-endian files are read'
      : `GGUF file: version ${version}; versions ${VERSIONS.join(' and ')} are read`,
    { version },
  );
}

function place(infos: readonly TensorInfo[], dataBegin: number, alignment: number): TensorEntry[] {
  let end = 0;
  return infos.map(({ name, dtype, shape, offset, bytes }) => {
    const begin = padded(end, alignment);
    if (offset !== BigInt(begin)) {
      throw new AppError(
        'GGUF_OFFSET',
        `GGUF file: tensor ${quote(name)} begins at ${offset} of the data, but ${begin} follows the one before it`,
        { tensor: name, offset: String(offset), expected: begin },
      );
    }
    end = begin + bytes;
    if (!Number.isSafeInteger(dataBegin + end + alignment))
      throw new AppError('GGUF_TENSOR_SHAPE', `GGUF file: tensor ${quote(name)} ends after 2^53 bytes`, {
        tensor: name,
      });
    return { name, dtype, shape, beginByte: dataBegin + begin, endByte: dataBegin + end };
  });
}

function duplicate(what: 'key' | 'tensor', name: string): AppError {
  return new AppError('GGUF_DUPLICATE', `GGUF file: the ${what} ${quote(name)} appears twice`, {
    [what]: name.slice(0, 200),
  });
}
