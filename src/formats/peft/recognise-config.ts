import { parseConfigJson } from './config-json.ts';

/** What MLX writes into a file of the same name. */
const MLX_FIELDS = ['fine_tune_type', 'lora_parameters'];

/**
 * Whether an adapter_config.json is PEFT's: it says peft_type, whichever. One that cannot be read is taken for PEFT's,
 * whose reader says what is wrong with it; so is one that says neither that nor what others say, unless the weights are
 * another trainer's.
 * @param isForeign whether the weights have names of another trainer
 */
export function hasPeftConfig(bytes: Uint8Array, isForeign: boolean): boolean {
  try {
    const config = parseConfigJson(bytes);
    if (config.has('peft_type')) return true;
    return !isForeign && !MLX_FIELDS.some((field) => config.has(field));
  } catch {
    return true;
  }
}
