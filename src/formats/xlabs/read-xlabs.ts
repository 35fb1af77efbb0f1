import type { Adapter } from '../../adapter/adapter.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import { collectPairs } from '../pairs/collect-pairs.ts';
import { unscaledAdapter } from '../pairs/unscaled-adapter.ts';
import { readXlabsKey } from './tensor-keys.ts';

/**
 * Reads an adapter of XLabs' trainer. Its network_alpha is not in the file, so that every scale is 1. A module is called
 * like its tensors, as "double_blocks.0.processor.qkv_lora1"; B of a fused QKV has the rows of all three.
 * @throws AppError FORMAT_MIXED, LORA_*, NO_LORA_TENSORS, UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT
 */
export function readXlabs({ tensors, metadata }: SafetensorsHeader): Adapter {
  return unscaledAdapter('xlabs', collectPairs('xlabs', tensors, readXlabsKey), metadata);
}
