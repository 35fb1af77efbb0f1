import type { Format, ReadInput } from '../format.ts';
import { parseConfigJson } from '../peft/config-json.ts';
import { readMlx, readMlxKey } from './read-mlx.ts';
import { MLX_FILE, planMlx, unequalRanks } from './write-mlx.ts';

/** Fields that only MLX writes into adapter_config.json. */
const FIELDS = ['fine_tune_type', 'lora_parameters'];

/** A folder as mlx_lm.lora writes it: adapters.safetensors and adapter_config.json. */
export const MLX: Format = {
  name: 'mlx',
  weightsName: MLX_FILE,
  hasConfig: true,
  recognises: isMlx,
  read: async ({ header, configBytes }) => readMlx(header!, configBytes),
  warnings: unequalRanks,
  plan: planMlx,
};

/** Whether files are MLX's: by their configuration, or by the names of tensors if the configuration is not PEFT's. */
function isMlx({ header, configBytes }: Pick<ReadInput, 'header' | 'configBytes'>): boolean {
  if (!header) return false;
  const fields = configBytes ? fieldsOf(configBytes) : [];
  if (fields.includes('peft_type')) return false;
  if (FIELDS.some((field) => fields.includes(field))) return true;
  return header.tensors.some(({ name }) => readMlxKey(name).role === 'factor');
}

/** The names of the fields; none if the file cannot be read. */
function fieldsOf(bytes: Uint8Array): string[] {
  try {
    return [...parseConfigJson(bytes).keys()];
  } catch {
    return [];
  }
}
