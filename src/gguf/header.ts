import type { TensorEntry } from '../adapter/adapter.ts';

/** A value of GGUF's metadata (ggml/docs/gguf.md). 64-bit integers are bigint. */
export type GgufValue = number | bigint | boolean | string | GgufArray;
export interface GgufArray {
  /** gguf_metadata_value_type of the elements. */
  readonly type: number;
  readonly values: readonly GgufValue[];
}
export interface GgufTyped {
  /** gguf_metadata_value_type: 4 uint32, 6 float32, 8 string, 9 array, … */
  readonly type: number;
  readonly value: GgufValue;
}

/** The header of a GGUF file. */
export interface GgufHeader {
  /** In the order of their bytes. Shapes are row-major, the slowest axis first: GGUF's own order reversed. */
  readonly tensors: readonly TensorEntry[];
  readonly keyValues: ReadonlyMap<string, GgufTyped>;
  readonly alignment: number;
  readonly dataBegin: number;
}
