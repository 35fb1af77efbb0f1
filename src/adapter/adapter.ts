/**
 * The model every format reads into and writes from. Pure data: no bytes, no file handles.
 * Notation follows PEFT: ΔW = scale · B · A with A = lora_A [rank, n] and B = lora_B [m, rank].
 */

import type { FormatName } from './format-name.ts';

/** dtypes that LoRA factors may have on input and output. */
export type FactorDtype = 'F32' | 'F16' | 'BF16';

/** Position of a tensor in its file. Offsets are absolute (from the start of the file), end exclusive. */
export interface TensorEntry {
  readonly name: string;
  /** safetensors dtype, e.g. "BF16". */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly beginByte: number;
  readonly endByte: number;
  /** The dtype in the file, where `dtype` is another: that which the tensor is to be written in. */
  readonly castFrom?: string;
  /** Factor for its numbers when they are written; 1 if absent. */
  readonly multiplier?: number;
}

/** A tensor that is one factor of a LoRA pair: its dtype is one we can compute with. */
export interface FactorEntry extends TensorEntry {
  readonly dtype: FactorDtype;
  /** What results have that match the source, where it had no such dtype: F16 for quantised factors. */
  readonly matchDtype?: FactorDtype;
}

export type ModuleKind = 'linear' | 'conv' | 'embedding';

/** One LoRA pair, whatever its tensors are called. Higher-dimensional factors are flattened to matrices. */
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
  /** The tensor of one number that holds its alpha, if the format has one (kohya, diffusers). It is rewritten. */
  readonly alpha?: AlphaTensor;
  /** One of several that share a tensor, stacked along an axis: experts of a mixture. */
  readonly expert?: { readonly index: number; readonly count: number };
  /** The rows of B are written in another order: as an array of this shape (of m elements) with its axes reordered. */
  readonly rowOrder?: { readonly shape: readonly number[]; readonly axes: readonly number[] };
}

/** A tensor whose bytes are known without the file. */
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
   * Global lora_alpha, r and use_rslora of the configuration. Where there is none: the alpha of most modules, the largest
   * rank, false.
   */
  readonly alpha: number;
  readonly configRank: number;
  readonly useRslora: boolean;
  /** Sorted by name (code unit order): every later step uses this order, so results do not depend on the file's. */
  readonly modules: readonly LoraModule[];
  /** Tensors that do not belong to a LoRA pair: heads, biases, magnitudes. Carried over byte for byte. */
  readonly passthrough: readonly TensorEntry[];
  /** Tensors whose contribution is scaled together with B·A (PEFT's lora_bias): their numbers change with the scale. */
  readonly hasLoraBias: boolean;
  /** The whole configuration as read, so that all its fields can be written back; empty if the format has none. */
  readonly config: Readonly<Record<string, unknown>>;
  /** safetensors __metadata__ of the source. */
  readonly metadata: ReadonlyMap<string, string>;
  /** What the reader found odd but acceptable, in words. */
  readonly warnings: readonly string[];
}

/** How one module leaves: its new rank and dtype. rank equal to the source's means it passes through. */
export interface ModulePlan {
  readonly module: LoraModule;
  readonly rank: number;
  readonly dtypeA: FactorDtype;
  readonly dtypeB: FactorDtype;
}

/** fold: into the factors, 1 is left. keep: s stays. sqrt: s·√(old rank / new rank) is left. */
export type ScaleMode = 'fold' | 'keep' | 'sqrt';

/** A computed factor: A [rank, n] or B [m, rank], row by row. */
export interface FactorRef {
  readonly factor: 'a' | 'b';
  readonly moduleIndex: number;
}

/** Where the bytes of one output tensor come from. */
export type TensorSource =
  | { readonly kind: 'copy'; readonly entry: TensorEntry }
  | ({ readonly kind: 'factor' } & FactorRef)
  /** Known already: an alpha. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /**
   * Computed factors one after the other, taken as an array of `shape` whose axes are then reordered: axis i of the
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

/** What a format's writer decides: names, order and shapes of the tensors, the configuration, the metadata. */
export interface OutputPlan {
  /** Name of the file with the weights. */
  readonly weightsName: string;
  readonly tensors: readonly OutputTensor[];
  /** __metadata__ of a safetensors file. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Of the weights' file; its offsets are those of `tensors`, in their order. */
  readonly layout: FileLayout;
  /** Other files of the adapter, complete: name → bytes (PEFT: adapter_config.json). */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /**
   * For headers with a digest of the data: called when all tensors are written.
   * @returns the header, as long as that of the layout
   */
  readonly sealHeader?: (path: string) => Promise<Uint8Array>;
}

/** A file of tensors before it is filled: where everything goes. */
export interface FileLayout {
  /** The file up to its data. */
  readonly headerBytes: Uint8Array;
  /** First byte of each tensor from the start of the file, in the order the tensors were given. */
  readonly offsets: readonly number[];
  readonly totalBytes: number;
}
