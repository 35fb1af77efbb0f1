import { buildSafetensors, float32Tensor } from '../oracle/safetensors.ts';

export const WEIGHTS = 'adapter_model.safetensors';
export const CONFIG = 'adapter_config.json';

export interface TinyAdapter {
  readonly weights: Buffer;
  readonly config: Buffer;
}

/** A valid PEFT adapter of two modules, a few kB large; another `seed` gives other content. */
export function tinyAdapter(seed = 1, { rank = 4, m = 24, n = 16 } = {}): TinyAdapter {
  const values = (count: number, salt: number) =>
    Array.from({ length: count }, (_, index) => Math.sin(index * 12.9898 + seed * 78.233 + salt));
  const tensors = Object.fromEntries(
    ['q_proj', 'v_proj'].flatMap((name, index) => {
      const path = `base_model.model.layers.0.self_attn.${name}`;
      return [
        [`${path}.lora_A.weight`, float32Tensor([rank, n], values(rank * n, index))] as const,
        [`${path}.lora_B.weight`, float32Tensor([m, rank], values(m * rank, index + 0.5))] as const,
      ];
    }),
  );
  const config = {
    peft_type: 'LORA',
    base_model_name_or_path: 'some/model',
    r: rank,
    lora_alpha: 2 * rank,
    target_modules: ['q_proj', 'v_proj'],
    fan_in_fan_out: false,
    bias: 'none',
  };
  return {
    weights: Buffer.from(buildSafetensors(tensors)),
    config: Buffer.from(JSON.stringify(config)),
  };
}

/** A form with the adapter's files as parts named after them. */
export function formOf({ weights, config }: TinyAdapter): FormData {
  const form = new FormData();
  form.append(CONFIG, new Blob([new Uint8Array(config)]), CONFIG);
  form.append(WEIGHTS, new Blob([new Uint8Array(weights)]), WEIGHTS);
  return form;
}
