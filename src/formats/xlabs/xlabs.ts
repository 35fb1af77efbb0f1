import type { Adapter, ModulePlan, OutputPlan } from '../../adapter/adapter.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import type { Format, WriteOptions } from '../format.ts';
import { collectPairs, type PairKey } from '../pairs/collect-pairs.ts';
import { planUnscaled, unscaledAdapter } from '../pairs/unscaled.ts';

const WEIGHTS_NAME = 'lora.safetensors';

/** Attention processors of FLUX; some tools put the component before them. `down` is A, `up` is B. */
const FACTOR =
  /^((?:diffusion_model\.)?(?:double|single)_blocks\.(?:0|[1-9]\d*)\.processor\.(?:qkv|proj)_lora[12]?)\.(down|up)\.weight$/;

/** LoRA for FLUX as XLabs' trainer saves it: fused QKV, the scale in the factors. */
export const XLABS: Format = {
  name: 'xlabs',
  weightsName: WEIGHTS_NAME,
  hasConfig: false,
  recognises: ({ header, configBytes }) =>
    configBytes === null &&
    header !== null &&
    header.tensors.some(({ name }) => readXlabsKey(name).role === 'factor'),
  read: async ({ header }) => ({ adapter: readXlabs(header!), staging: null }),
  plan: planXlabsOutput,
};

/**
 * Reads an adapter of XLabs' trainer. Its network_alpha is not in the file, so every scale is 1. A module has the name of
 * its tensors, such as "double_blocks.0.processor.qkv_lora1"; B of a fused QKV has the rows of all three.
 * @throws AppError FORMAT_MIXED, LORA_*, NO_LORA_TENSORS, UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT
 */
function readXlabs({ tensors, metadata }: SafetensorsHeader): Adapter {
  return unscaledAdapter('xlabs', collectPairs('xlabs', tensors, readXlabsKey), metadata);
}

/**
 * Plans a file as XLabs' trainer saves it.
 * @param plans one for each of `adapter.modules`, in the same order
 * @throws AppError FORMAT_NEEDS_FOLD, because the format cannot store a scale
 */
function planXlabsOutput(
  adapter: Adapter,
  plans: readonly ModulePlan[],
  { scale, provenance }: WriteOptions,
): OutputPlan {
  return planUnscaled(WEIGHTS_NAME, adapter, plans, scale, new Map([...adapter.metadata, ...provenance]));
}

/** Reads the name of a tensor of XLabs' trainer (x-flux, src/flux/modules/layers.py, `LoRALinearLayer`). */
function readXlabsKey(name: string): PairKey {
  const match = FACTOR.exec(name);
  if (match) {
    return { role: 'factor', module: match[1]!, factor: match[2] === 'down' ? 'a' : 'b', embedding: false };
  }
  // The trainer itself saves no alpha, so the meaning of one is unknown.
  return { role: /lora|hada_|lokr_|oft_|\.alpha$/i.test(name) ? 'unknown-lora' : 'other' };
}
