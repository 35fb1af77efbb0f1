/**
 * The model every format reads into and writes from. Pure data: no bytes, no file handles.
 * Notation follows PEFT: ΔW = scale · B · A with A = lora_A [rank, n] and B = lora_B [m, rank].
 */

/** dtypes that LoRA factors may have on input and output. */
export type FactorDtype = 'F32' | 'F16' | 'BF16';

/** Where one tensor lies in its file. Offsets are absolute (from the start of the file), end exclusive. */
export interface TensorEntry {
  readonly name: string;
  /** safetensors dtype, e.g. "BF16". */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly beginByte: number;
  readonly endByte: number;
}

/** A tensor that is one factor of a LoRA pair: its dtype is one we can compute with. */
export interface FactorEntry extends TensorEntry {
  readonly dtype: FactorDtype;
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
}

/** An adapter as read from its files. */
export interface Adapter {
  readonly format: 'peft';
  readonly baseModel: string | null;
  /** Global lora_alpha, r and use_rslora of the configuration. */
  readonly alpha: number;
  readonly configRank: number;
  readonly useRslora: boolean;
  /** Sorted by name (code unit order): every later step uses this order, so results do not depend on the file's. */
  readonly modules: readonly LoraModule[];
  /** Tensors that are no part of a LoRA pair: heads, biases, magnitudes. Carried over byte for byte. */
  readonly passthrough: readonly TensorEntry[];
  /** Tensors whose contribution is scaled together with B·A (PEFT's lora_bias); they forbid scale "fold". */
  readonly hasLoraBias: boolean;
  /** The whole configuration as read, for writing it back with everything it said. */
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

/** Where the bytes of one output tensor come from. */
export type TensorSource =
  | { readonly kind: 'copy'; readonly entry: TensorEntry }
  | { readonly kind: 'factor'; readonly factor: 'a' | 'b'; readonly moduleIndex: number };

export interface OutputTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly source: TensorSource;
}

/** What a format's writer decides: names, order and shapes of the tensors, the configuration, the metadata. */
export interface OutputPlan {
  readonly tensors: readonly OutputTensor[];
  readonly metadata: ReadonlyMap<string, string>;
  /** Other files of the adapter, complete: name → bytes (PEFT: adapter_config.json). */
  readonly files: ReadonlyMap<string, Uint8Array>;
}
