import type { TensorEntry } from '../adapter/adapter.ts';
import { AppError } from '../errors/app-error.ts';
import { counted } from '../errors/counted.ts';
import type { ErrorCode } from '../errors/error-kinds.ts';
import { JsonError } from '../json/json-error.ts';
import { quote } from '../json/quote.ts';
import { type JsonObject, type JsonValue, parseStrictJson } from '../json/strict-json.ts';
import { LENGTH_FIELD_BYTES, MAX_HEADER_DEPTH, MAX_TENSORS } from './limits.ts';
import { readTensor } from './tensor-entry.ts';

/** The header of a safetensors file. */
export interface SafetensorsHeader {
  /** In the order of their bytes, with offsets from the start of the file. */
  readonly tensors: readonly TensorEntry[];
  readonly metadata: ReadonlyMap<string, string>;
  /** Where the data section starts: 8 + length of the JSON. */
  readonly dataBegin: number;
}

const METADATA_KEY = '__metadata__';

/**
 * Reads the JSON header of a safetensors file (https://github.com/huggingface/safetensors, README, "Format").
 * Leading whitespace is accepted as in the reference since 0.6, although the README asks for "{".
 * @param jsonBytes the header without its length field
 * @param totalBytes size of the whole file; when given, coverage is checked too
 * @throws AppError ST_*
 */
export function parseHeader(jsonBytes: Uint8Array, totalBytes?: number): SafetensorsHeader {
  const json = parseJson(jsonBytes);
  if (!(json instanceof Map)) {
    throw new AppError('ST_HEADER_JSON', 'The safetensors header must be a JSON object.');
  }
  const metadata = readMetadata(json.get(METADATA_KEY));
  const count = json.size - (json.has(METADATA_KEY) ? 1 : 0);
  if (count > MAX_TENSORS) {
    throw new AppError(
      'ST_TOO_MANY_TENSORS',
      `The safetensors header has ${count} tensors, but may have at most ${MAX_TENSORS}.`,
      {
        tensors: count,
        limit: MAX_TENSORS,
      },
    );
  }
  const dataBegin = LENGTH_FIELD_BYTES + jsonBytes.length;
  const tensors = readTensors(json, dataBegin);
  checkContiguous(tensors, dataBegin);
  const header = { tensors, metadata, dataBegin };
  if (totalBytes !== undefined) checkCoverage(header, totalBytes);
  return header;
}

/** First byte after the last tensor: the size of a complete file. */
export function endOfData(header: SafetensorsHeader): number {
  return header.tensors.at(-1)?.endByte ?? header.dataBegin;
}

/**
 * Checks that the tensors end exactly where the file ends; that they follow each other without holes or overlaps
 * was checked by `parseHeader`. Together: every byte of the file belongs to one tensor or to the header.
 * @throws AppError ST_BUFFER_NOT_COVERED
 */
export function checkCoverage(header: SafetensorsHeader, totalBytes: number): void {
  const expectedBytes = endOfData(header);
  if (expectedBytes === totalBytes) return;
  const what =
    totalBytes < expectedBytes
      ? `${counted(expectedBytes - totalBytes, 'byte is', 'bytes are')} missing at its end`
      : `${counted(totalBytes - expectedBytes, 'byte follows', 'bytes follow')} the last tensor`;
  throw new AppError(
    'ST_BUFFER_NOT_COVERED',
    `The safetensors header describes ${expectedBytes} bytes, but the file has ${totalBytes}; ${what}.`,
    { expected_bytes: expectedBytes, bytes: totalBytes },
  );
}

function parseJson(bytes: Uint8Array): JsonValue {
  try {
    return parseStrictJson(bytes, { maxDepth: MAX_HEADER_DEPTH, integersOnly: true });
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const where =
      error.where === '' ? 'In the safetensors header' : `In the safetensors header, at ${error.where}`;
    throw new AppError(codeOf(error), `${where}, ${error.message}.`, { position: error.position });
  }
}

function codeOf(error: JsonError): ErrorCode {
  if (error.reason === 'duplicate-key') return 'ST_DUPLICATE_KEY';
  const inMetadata = error.path[0] === METADATA_KEY;
  if (error.reason === 'forbidden-key') return inMetadata ? 'ST_METADATA' : 'ST_TENSOR_NAME';
  return error.reason === 'not-integer' && inMetadata ? 'ST_METADATA' : 'ST_HEADER_JSON';
}

function readMetadata(value: JsonValue | undefined): ReadonlyMap<string, string> {
  // MLX writes null for no metadata, and the reference accepts that (Option<HashMap>).
  if (value === undefined || value === null) return new Map();
  if (!(value instanceof Map)) {
    throw new AppError(
      'ST_METADATA',
      'In the safetensors header, __metadata__ must be an object of strings.',
    );
  }
  const metadata = new Map<string, string>();
  for (const [key, text] of value) {
    if (typeof text !== 'string') {
      throw new AppError(
        'ST_METADATA',
        `In the safetensors header, the __metadata__ value of ${quote(key)} must be a string.`,
      );
    }
    metadata.set(key, text);
  }
  return metadata;
}

function readTensors(json: JsonObject, dataBegin: number): TensorEntry[] {
  const tensors: TensorEntry[] = [];
  for (const [name, value] of json) {
    if (name !== METADATA_KEY) tensors.push(readTensor(name, value, dataBegin));
  }
  return tensors.sort((x, y) => x.beginByte - y.beginByte || x.endByte - y.endByte);
}

/** @param tensors sorted by their first byte */
function checkContiguous(tensors: readonly TensorEntry[], dataBegin: number): void {
  let expected = dataBegin;
  let before = 'the start of the data';
  for (const { name, beginByte, endByte } of tensors) {
    if (beginByte !== expected) {
      const what = beginByte < expected ? 'overlaps' : `leaves a hole of ${beginByte - expected} bytes after`;
      throw new AppError('ST_INVALID_OFFSET', `Tensor ${quote(name)} ${what} ${before}.`, {
        tensor: name,
        data_offsets: [beginByte - dataBegin, endByte - dataBegin],
        expected_begin: expected - dataBegin,
      });
    }
    expected = endByte;
    before = `tensor ${quote(name)}`;
  }
}
