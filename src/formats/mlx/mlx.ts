import type { Format } from '../format.ts';
import { readMlx } from './read-mlx.ts';
import { isMlx } from './recognise.ts';
import { MLX_FILE, planMlx } from './write-mlx.ts';

/** A folder as mlx_lm.lora writes it: adapters.safetensors and adapter_config.json. */
export const MLX: Format = {
  name: 'mlx',
  weightsName: MLX_FILE,
  hasConfig: true,
  recognises: isMlx,
  read: async ({ header, configBytes }) => readMlx(header!, configBytes),
  plan: planMlx,
};
