import type { TensorEntry } from '../../adapter/adapter.ts';
import { decodeUnits, isEncodedDtype } from '../../core/encodings.ts';
import { decode, encode, type FloatDtype } from '../../core/half.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';

/** Readers of one number, little-endian. */
const READERS: Readonly<Record<string, (view: DataView) => number>> = {
  F64: (view) => view.getFloat64(0, true),
  F32: (view) => view.getFloat32(0, true),
  F16: (view) => decodeOne('F16', view),
  BF16: (view) => decodeOne('BF16', view),
  I64: (view) => Number(view.getBigInt64(0, true)),
  I32: (view) => view.getInt32(0, true),
  I16: (view) => view.getInt16(0, true),
  U8: (view) => view.getUint8(0),
  I8: (view) => view.getInt8(0),
};

function readerOf(dtype: string): ((view: DataView) => number) | undefined {
  if (Object.hasOwn(READERS, dtype)) return READERS[dtype];
  if (!isEncodedDtype(dtype)) return undefined;
  return ({ buffer }) => decodeUnits(dtype, new Uint8Array(buffer))[0]!;
}

/**
 * The number in a tensor of one, such as an alpha; its shape is [] or [1].
 * @throws AppError LORA_RANK_DIMS for any other shape, UNSUPPORTED_DTYPE, CONFIG_ALPHA for what is not finite as a float32
 */
export async function readScalar(
  entry: TensorEntry,
  readTensor: (entry: TensorEntry) => Promise<Uint8Array>,
): Promise<number> {
  const { name, dtype, shape } = entry;
  if (shape.length > 1 || (shape[0] ?? 1) !== 1) {
    throw new AppError(
      'LORA_RANK_DIMS',
      `Tensor ${quote(name)} has the shape [${shape.join(', ')}] where one number is expected.`,
      { tensor: name, shape },
    );
  }
  const reader = readerOf(dtype);
  if (!reader) {
    throw new AppError(
      'UNSUPPORTED_DTYPE',
      `Tensor ${quote(name)} has dtype ${dtype}, in which an alpha cannot be stored.`,
      {
        tensor: name,
        dtype,
      },
    );
  }
  const value = reader(new DataView(new Uint8Array(await readTensor(entry)).buffer));
  if (Number.isFinite(Math.fround(value))) return value;
  throw new AppError('CONFIG_ALPHA', `Tensor ${quote(name)} must be a finite float32, not ${value}.`, {
    tensor: name,
  });
}

/**
 * A number as a tensor of floats: in the dtype of the source if that represents it exactly, otherwise in float32. Never as an
 * integer, which diffusers refuses and the alpha of a new rank need not be.
 */
export function scalarTensor(value: number, dtype: string): { dtype: FloatDtype; bytes: Uint8Array } {
  if (dtype === 'F16' || dtype === 'BF16') {
    const bytes = encode(dtype, Float32Array.of(value));
    if (decodeOne(dtype, new DataView(bytes.buffer)) === value) return { dtype, bytes };
  }
  return { dtype: 'F32', bytes: encode('F32', Float32Array.of(value)) };
}

function decodeOne(dtype: FloatDtype, view: DataView): number {
  const into = new Float32Array(1);
  decode(dtype, new Uint8Array(view.buffer, view.byteOffset, view.byteLength), into);
  return into[0]!;
}
