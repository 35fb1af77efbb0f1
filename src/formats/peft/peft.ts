import { WEIGHTS_FILE } from '../../adapter/file-names.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import type { Format } from '../format.ts';
import { parseConfigJson } from './config-json.ts';
import { readPeft } from './read-peft.ts';
import { readPeftKey } from './tensor-keys.ts';
import { planPeftOutput } from './write-peft.ts';

/** What MLX writes into a file of the same name. */
const MLX_FIELDS = ['fine_tune_type', 'lora_parameters'];

/** A folder as PEFT's save_pretrained writes it: adapter_model.safetensors and adapter_config.json. */
export const PEFT: Format = {
  name: 'peft',
  weightsName: WEIGHTS_FILE,
  hasConfig: true,
  recognises: ({ header, configBytes }) =>
    header !== null && configBytes !== null && hasPeftConfig(configBytes, isForeign(header)),
  read: async ({ header, configBytes }) => readPeft(header!, configBytes!),
  plan: planPeftOutput,
};

/**
 * Whether an adapter_config.json is PEFT's: it has a peft_type. A file that cannot be read counts as PEFT's,
 * whose reader reports what is wrong with it; so does one without peft_type and fields of MLX, unless the weights are
 * another trainer's.
 * @param isForeign whether the weights have names of another trainer
 */
function hasPeftConfig(bytes: Uint8Array, isForeign: boolean): boolean {
  try {
    const config = parseConfigJson(bytes);
    if (config.has('peft_type')) return true;
    return !isForeign && !MLX_FIELDS.some((field) => config.has(field));
  } catch {
    return true;
  }
}

/** Whether weights are another trainer's. If some of them are PEFT's, its reader reports the others. */
function isForeign({ tensors }: SafetensorsHeader): boolean {
  const roles = new Set(tensors.map(({ name }) => readPeftKey(name).role));
  return roles.has('foreign') && !roles.has('factor');
}
