import type { Adapter, ModulePlan, OutputPlan, ScaleMode, TensorEntry } from '../adapter/adapter.ts';
import type { FormatName } from '../adapter/format-name.ts';
import type { StagingPlan } from '../adapter/staging-plan.ts';
import type { GgufHeader } from '../gguf/header.ts';
import type { SafetensorsHeader } from '../safetensors/header.ts';

/** The input of a reader. Data is read only on demand. */
export interface ReadInput {
  /** null for a GGUF file. */
  readonly header: SafetensorsHeader | null;
  /** null for a safetensors file. */
  readonly gguf: GgufHeader | null;
  /** The file beside the weights; null if there is none. */
  readonly configBytes: Uint8Array | null;
  /** The bytes of a small tensor, such as an alpha. At most 64 KiB. */
  readonly readTensor: (entry: TensorEntry) => Promise<Uint8Array>;
}

/** An adapter as a format's reader understands it. */
export interface ReadResult {
  readonly adapter: Adapter;
  /** null: the adapter's tensors are positions in the file as it is; otherwise in the file that the plan makes. */
  readonly staging: StagingPlan | null;
}

/** An adapter as it was read from its files. */
export interface ReadAdapter extends ReadResult {
  /** How to make the file that `staging` and the adapter's tensors refer to from the source; null: it is the source itself. */
  readonly decoding: StagingPlan | null;
}

export interface WriteOptions {
  readonly scale: ScaleMode;
  /** Metadata to add to that of the source: how the result was made. */
  readonly provenance: ReadonlyMap<string, string>;
}

/** A format. Its adapters have `format` equal to its name. */
export interface Format {
  readonly name: FormatName;
  /** Name of its weights file, here and in results. */
  readonly weightsName: string;
  /** Whether a file adapter_config.json belongs to it. */
  readonly hasConfig: boolean;
  /** Whether the tensors' names (and the configuration) are of this format. */
  readonly recognises: (input: Pick<ReadInput, 'header' | 'gguf' | 'configBytes'>) => boolean;
  /** @throws AppError naming file, tensor and value; never half an adapter */
  readonly read: (input: ReadInput) => Promise<ReadResult>;
  /** What folding the scales leaves of them, if it is not 1 for every module. */
  readonly folded?: (plans: readonly ModulePlan[]) => ScaleMode;
  /** What programs that load the format refuse of such a result, in sentences; undefined: nothing is known. */
  readonly warnings?: (plans: readonly ModulePlan[]) => readonly string[];
  /**
   * Plans the files of a result. Names of tensors are those of the adapter's modules (a.name, b.name, alpha) and of its
   * passthrough; shapes are those of the format.
   * @param plans one for each of `adapter.modules`, in the same order
   * @throws AppError FORMAT_NOT_WRITABLE, FORMAT_NEEDS_FOLD, …
   */
  readonly plan: (adapter: Adapter, plans: readonly ModulePlan[], options: WriteOptions) => OutputPlan;
}
