/**
 * The data model into which every format is read and from which every format is written. Pure data: no bytes, no file
 * handles.
 * The notation follows PEFT: ΔW = scaling · B · A with A = lora_A [rank, n] and B = lora_B [m, rank].
 */

import type { FormatName } from './format-name.ts';

/** dtypes that LoRA factors may have in inputs and outputs. */
export type FactorDtype = 'F32' | 'F16' | 'BF16';

/** Position of a tensor in its file. Offsets are absolute (from the start of the file), end exclusive. */
export interface TensorEntry {
  readonly name: string;
  /** safetensors dtype, e.g. "BF16". */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly beginByte: number;
  readonly endByte: number;
  /** The dtype in the file if it differs from `dtype`, which is then the dtype to write. */
  readonly castFrom?: string;
  /** Factor by which its numbers are multiplied when they are written; 1 if absent. */
  readonly multiplier?: number;
}

/** A tensor that is one factor of a LoRA pair, in a dtype that we can compute with. */
export interface FactorEntry extends TensorEntry {
  readonly dtype: FactorDtype;
  /**
   * The dtype of results that should match the source, if the source's own dtype is none of these: F16 for quantised
   * factors.
   */
  readonly matchDtype?: FactorDtype;
}

export type ModuleKind = 'linear' | 'conv' | 'embedding';

/**
 * One LoRA pair, independent of how a format names its tensors. Higher-dimensional factors are flattened to matrices.
 */
export interface LoraModule {
  /** Path of the adapted module, e.g. "model.layers.0.self_attn.q_proj". */
  readonly name: string;
  readonly kind: ModuleKind;
  readonly a: FactorEntry;
  readonly b: FactorEntry;
  readonly rank: number;
  /** Rows of B after flattening (out features; embedding dimension for embeddings). */
  readonly m: number;
  /** Columns of A after flattening (in features · kernel; vocabulary for embeddings). */
  readonly n: number;
  /** alpha/rank, or alpha/√rank with rsLoRA. */
  readonly scale: number;
  /** The scalar tensor that stores its alpha, if the format has one (kohya, diffusers). It is rewritten. */
  readonly alpha?: AlphaTensor;
  /** Set if the module is one of several that are stacked along an axis of one tensor: the experts of a mixture. */
  readonly expert?: { readonly index: number; readonly count: number };
  /**
   * The rows of B are written in another order: they are viewed as an array of this shape (m elements), whose axes
   * are then permuted.
   */
  readonly rowOrder?: { readonly shape: readonly number[]; readonly axes: readonly number[] };
}

/** A tensor whose bytes can be computed without reading the file. */
export interface AlphaTensor {
  readonly name: string;
  readonly dtype: string;
  /** [] or [1] */
  readonly shape: readonly number[];
}

/** An adapter as read from its files. */
export interface Adapter {
  readonly format: FormatName;
  readonly baseModel: string | null;
  /**
   * The configuration's global lora_alpha, r and use_rslora. Without a configuration: the alpha of most modules, the
   * largest rank, and false.
   */
  readonly alpha: number;
  readonly configRank: number;
  readonly useRslora: boolean;
  /**
   * Sorted by name (code unit order): all later steps use this order, so results do not depend on the order in the
   * file.
   */
  readonly modules: readonly LoraModule[];
  /** Tensors that do not belong to a LoRA pair: heads, biases, magnitudes. Copied byte for byte. */
  readonly passthrough: readonly TensorEntry[];
  /**
   * Whether there are tensors that are scaled together with B·A (PEFT's lora_bias): their values change with the
   * scale.
   */
  readonly hasLoraBias: boolean;
  /** The whole configuration as read, so that all its fields can be written back; empty if the format has none. */
  readonly config: Readonly<Record<string, unknown>>;
  /** safetensors __metadata__ of the source. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Unusual but acceptable properties that the reader found, as text. */
  readonly warnings: readonly string[];
}

/** How one module is written: its new rank and dtype. A module whose rank is unchanged is copied. */
export interface ModulePlan {
  readonly module: LoraModule;
  readonly rank: number;
  readonly dtypeA: FactorDtype;
  readonly dtypeB: FactorDtype;
}

/**
 * fold: the scale goes into the factors and becomes 1. keep: the scale s stays. sqrt: the scale becomes s·√(old rank
 * / new rank). alpha: the scale becomes alpha / new rank, whatever it was.
 */
export type ScaleMode = 'fold' | 'keep' | 'sqrt' | { readonly alpha: number };

/** A computed factor: A [rank, n] or B [m, rank], row by row. */
export interface FactorRef {
  readonly factor: 'a' | 'b';
  readonly moduleIndex: number;
}

/** Where the bytes of one output tensor come from. */
export type TensorSource =
  | { readonly kind: 'copy'; readonly entry: TensorEntry }
  | ({ readonly kind: 'factor' } & FactorRef)
  /** Bytes that are already known: an alpha. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /**
   * Computed factors, concatenated and viewed as an array of `shape`, whose axes are then permuted: axis i of the
   * result is axis axes[i] of the array.
   */
  | {
      readonly kind: 'arranged';
      readonly parts: readonly FactorRef[];
      readonly shape: readonly number[];
      readonly axes: readonly number[];
    };

export interface OutputTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly source: TensorSource;
}

/** What the writer of a format decides: names, order and shapes of the tensors, the configuration and the metadata. */
export interface OutputPlan {
  /** Name of the file with the weights. */
  readonly weightsName: string;
  readonly tensors: readonly OutputTensor[];
  /** __metadata__ of a safetensors file. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Layout of the weights file; its offsets are those of `tensors`, in the same order. */
  readonly layout: FileLayout;
  /** Other files of the adapter, complete: name → bytes (PEFT: adapter_config.json). */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /**
   * For headers that contain a digest of the data; called after all tensors have been written.
   * @returns the header, exactly as long as the one in the layout
   */
  readonly headerWithHashes?: (path: string) => Promise<Uint8Array>;
}

/** The layout of a file of tensors before its data is written. */
export interface FileLayout {
  /** Everything in the file that precedes its data. */
  readonly headerBytes: Uint8Array;
  /**
   * Position of the first byte of each tensor, from the start of the file, in the order in which the tensors were
   * given.
   */
  readonly offsets: readonly number[];
  readonly totalBytes: number;
}
