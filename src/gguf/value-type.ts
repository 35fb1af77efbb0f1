/** gguf_metadata_value_type (ggml/docs/gguf.md). */
export const VALUE_TYPE = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

/** How values of one size are read and written, little-endian. */
export interface ScalarType {
  readonly bytes: number;
  /** @returns undefined for bytes that are not a value of the type */
  readonly get: (view: DataView, at: number) => number | bigint | boolean | undefined;
  readonly set: (view: DataView, value: number | bigint | boolean) => void;
}

/** By gguf_metadata_value_type; strings and arrays have no size of their own. */
export const SCALARS: ReadonlyMap<number, ScalarType> = new Map<number, ScalarType>([
  [
    VALUE_TYPE.uint8,
    { bytes: 1, get: (view, at) => view.getUint8(at), set: (view, x) => view.setUint8(0, Number(x)) },
  ],
  [
    VALUE_TYPE.int8,
    { bytes: 1, get: (view, at) => view.getInt8(at), set: (view, x) => view.setInt8(0, Number(x)) },
  ],
  [
    VALUE_TYPE.uint16,
    {
      bytes: 2,
      get: (view, at) => view.getUint16(at, true),
      set: (view, x) => view.setUint16(0, Number(x), true),
    },
  ],
  [
    VALUE_TYPE.int16,
    {
      bytes: 2,
      get: (view, at) => view.getInt16(at, true),
      set: (view, x) => view.setInt16(0, Number(x), true),
    },
  ],
  [
    VALUE_TYPE.uint32,
    {
      bytes: 4,
      get: (view, at) => view.getUint32(at, true),
      set: (view, x) => view.setUint32(0, Number(x), true),
    },
  ],
  [
    VALUE_TYPE.int32,
    {
      bytes: 4,
      get: (view, at) => view.getInt32(at, true),
      set: (view, x) => view.setInt32(0, Number(x), true),
    },
  ],
  [
    VALUE_TYPE.float32,
    {
      bytes: 4,
      get: (view, at) => view.getFloat32(at, true),
      set: (view, x) => view.setFloat32(0, Number(x), true),
    },
  ],
  [
    VALUE_TYPE.bool,
    {
      bytes: 1,
      get: (view, at) => BOOLEANS[view.getUint8(at)],
      set: (view, x) => view.setUint8(0, x ? 1 : 0),
    },
  ],
  [
    VALUE_TYPE.uint64,
    {
      bytes: 8,
      get: (view, at) => view.getBigUint64(at, true),
      set: (view, x) => view.setBigUint64(0, BigInt(x), true),
    },
  ],
  [
    VALUE_TYPE.int64,
    {
      bytes: 8,
      get: (view, at) => view.getBigInt64(at, true),
      set: (view, x) => view.setBigInt64(0, BigInt(x), true),
    },
  ],
  [
    VALUE_TYPE.float64,
    {
      bytes: 8,
      get: (view, at) => view.getFloat64(at, true),
      set: (view, x) => view.setFloat64(0, Number(x), true),
    },
  ],
]);

const BOOLEANS: readonly boolean[] = [false, true];
