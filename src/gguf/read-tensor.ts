import type { TensorEntry } from '../adapter/adapter.ts';
import { faultOfName } from '../adapter/tensor-name.ts';
import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/error-kinds.ts';
import { quote } from '../json/quote.ts';
import type { HeaderSource, Reading } from './header-source.ts';
import { MAX_DIMENSIONS, MAX_NAME_BYTES, MAX_STRING_BYTES } from './limits.ts';
import { typeOfId } from './tensor-type.ts';

/** A tensor as the header tells it; where it begins counts from the start of the data. */
export interface TensorInfo extends Pick<TensorEntry, 'name' | 'dtype' | 'shape'> {
  readonly offset: bigint;
  readonly bytes: number;
}

/**
 * Reads the entry of one tensor and checks it in itself (docs/gguf.md, gguf_tensor_info_t).
 * @throws AppError GGUF_TENSOR_*, GGUF_HEADER_TOO_LARGE
 */
export function* readTensorInfo(source: HeaderSource): Reading<TensorInfo> {
  const name = yield* source.string('the name of a tensor', MAX_STRING_BYTES);
  const fault = faultOfName(name, MAX_NAME_BYTES);
  if (fault !== undefined) throw refuse('GGUF_TENSOR_NAME', name, fault);
  const dimensions = yield* source.uint32();
  if (dimensions > MAX_DIMENSIONS) {
    throw refuse('GGUF_TENSOR_SHAPE', name, `${dimensions} dimensions, at most ${MAX_DIMENSIONS}`);
  }
  const extents: bigint[] = [];
  for (let i = 0; i < dimensions; i++) extents.push(yield* source.uint64());
  const id = yield* source.uint32();
  const type = typeOfId(id);
  if (!type) throw refuse('GGUF_TENSOR_TYPE', name, `the type ${id} is unknown`);
  const { dtype, blockElements, blockBytes } = type;
  const offset = yield* source.uint64();

  // The fastest axis comes first in the file.
  const shape = extents.reverse();
  const row = shape.at(-1) ?? 1n;
  if (row % BigInt(blockElements) !== 0n) {
    throw refuse(
      'GGUF_TENSOR_SHAPE',
      name,
      `rows of ${row} elements are no whole blocks of ${blockElements} (${dtype})`,
    );
  }
  // A zero may hide an overflow, so each extent counts as at least 1 here.
  const most = shape.reduce((product, extent) => product * (extent === 0n ? 1n : extent), BigInt(blockBytes));
  if (most > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw refuse('GGUF_TENSOR_SHAPE', name, `the size of shape [${shape}] exceeds 2^53 bytes`);
  }
  const elements = shape.reduce((product, extent) => product * Number(extent), 1);
  return { name, dtype, shape: shape.map(Number), offset, bytes: (elements / blockElements) * blockBytes };
}

function refuse(code: ErrorCode, tensor: string, what: string): AppError {
  return new AppError(code, `GGUF file: tensor ${quote(tensor)}: ${what}`, { tensor: tensor.slice(0, 200) });
}
