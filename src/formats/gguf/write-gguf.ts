import type {
  Adapter,
  ModulePlan,
  OutputPlan,
  OutputTensor,
  ScaleMode,
  TensorEntry,
} from '../../adapter/adapter.ts';
import { remainingScale } from '../../adapter/remaining-scale.ts';
import { AppError } from '../../errors/app-error.ts';
import type { GgufTyped } from '../../gguf/header.ts';
import { layOutGguf } from '../../gguf/layout.ts';
import { MAX_GGUF_NAME_BYTES } from '../../gguf/limits.ts';
import { typeOfDtype } from '../../gguf/tensor-type.ts';
import { VALUE_TYPE } from '../../gguf/value-type.ts';
import { quote } from '../../json/quote.ts';
import type { WriteOptions } from '../format.ts';
import { checkPlans, copyTensor } from '../pairs/plan-pairs.ts';
import { groupIntoStacks, type Stack, stackTensor } from '../stacks.ts';
import { KEY, writeConfigValues } from './key-values.ts';
import { isTokenEmbedding } from './read-factors.ts';

export const GGUF_FILE = 'adapter.gguf';

/** general.file_type by the dtype of most tensors (llama.h, llama_ftype). */
const FILE_TYPES: Readonly<Record<string, number>> = { F32: 0, F16: 1, BF16: 32 };

/**
 * Plans a file that llama.cpp loads: the source's metadata with the new alpha, and its tensors under their names. All
 * factors are computed again. The kind of file is added to the metadata.
 * @throws AppError FORMAT_NEEDS_FOLD, FORMAT_NOT_WRITABLE for names and tensors that llama.cpp does not take
 */
export function planGguf(adapter: Adapter, plans: readonly ModulePlan[], options: WriteOptions): OutputPlan {
  checkPlans(adapter, plans);
  if (typeof adapter.config[KEY.architecture] !== 'string')
    throw new AppError(
      'FORMAT_NOT_WRITABLE',
      `GGUF requires ${KEY.architecture}: set format_options.architecture.`,
      { key: KEY.architecture },
    );
  const tensors = [...groupIntoStacks(plans).flatMap(tensorsOf), ...adapter.passthrough.map(carried)];
  for (const tensor of tensors) checkTensor(tensor);
  const keyValues = writeConfigValues(adapter.config, [...adapter.metadata, ...options.provenance]);
  const set = (key: string, type: number, value: GgufTyped['value']): unknown =>
    keyValues.set(key, { type, value });
  set(KEY.generalType, VALUE_TYPE.string, 'adapter');
  set(KEY.adapterType, VALUE_TYPE.string, 'lora');
  set(KEY.alpha, VALUE_TYPE.float32, commonAlpha(plans, options.scale));
  if (keyValues.has(KEY.fileType)) set(KEY.fileType, VALUE_TYPE.uint32, FILE_TYPES[plans[0]!.dtypeA]!);
  return {
    weightsName: GGUF_FILE,
    tensors,
    metadata: new Map(),
    layout: layOutGguf(tensors, keyValues),
    files: new Map(),
  };
}

/**
 * The one alpha that gives every module its scale: llama.cpp computes alpha/rank, or 1 if alpha is 0
 * (llama-adapter.h, `get_scale`), which suits any ranks once the scales are folded into the factors.
 * @throws AppError FORMAT_NEEDS_FOLD naming the first module that would get another scale
 */
function commonAlpha(plans: readonly ModulePlan[], mode: ScaleMode): number {
  const scales = plans.map(({ module, rank }) => remainingScale(mode, module, rank));
  const alphas = plans.map(({ rank }, index) => Math.fround(scales[index]! * rank));
  const alpha = alphas[0] ?? 0;
  const other = alphas.findIndex((one) => one !== alpha || one === 0);
  if (other === -1) return alpha;
  if (scales.every((scale) => scale === 1)) return 0;
  const { module, rank } = plans[other]!;
  throw new AppError(
    'FORMAT_NEEDS_FOLD',
    `Module ${quote(module.name)}: the result would need a scaling of ${scales[other]} at rank ${rank}, but GGUF has one alpha ` +
      'for all modules. Request "scale": "fold".',
    { module: module.name, scale: scales[other]!, format: 'gguf' },
  );
}

function tensorsOf(stack: Stack): OutputTensor[] {
  const { name, kind } = stack.plan.module;
  const isEmbedding = isTokenEmbedding(name);
  if ((kind === 'embedding') !== isEmbedding || kind === 'conv') {
    throw new AppError(
      'FORMAT_NOT_WRITABLE',
      `Module ${quote(name)}: llama.cpp supports LoRA of linear layers and of token_embd, but this layer is of the kind ${kind}.`,
      { module: name, kind },
    );
  }
  return [stackTensor(stack, 'a', isEmbedding), stackTensor(stack, 'b', false)];
}

function carried(entry: TensorEntry): OutputTensor {
  if (entry.name.endsWith('_norm.weight')) return copyTensor(entry);
  throw new AppError(
    'FORMAT_NOT_WRITABLE',
    `Tensor ${quote(entry.name)}: llama.cpp loads nothing but LoRA factors and norms.`,
    { tensor: entry.name },
  );
}

function checkTensor({ name, dtype }: OutputTensor): void {
  const bytes = Buffer.byteLength(name);
  if (bytes <= MAX_GGUF_NAME_BYTES && typeOfDtype(dtype)) return;
  const what =
    bytes > MAX_GGUF_NAME_BYTES
      ? `the name has ${bytes} bytes, but may have at most ${MAX_GGUF_NAME_BYTES}`
      : `GGUF has no dtype ${dtype}`;
  throw new AppError('FORMAT_NOT_WRITABLE', `Tensor ${quote(name)}: ${what}.`, { tensor: name });
}
