import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONFIG, WEIGHTS } from '../oracle/peft-adapter.ts';
import { buildSafetensors, type Tensor } from '../oracle/safetensors.ts';

const RANK = 256;
const SIZE = 512;

/**
 * An adapter of many modules, whose spectra take seconds to compute: pseudorandom numbers, without training.
 */
export function largeAdapter(intoDir: string, modules = 48): string {
  const tensors: Record<string, Tensor> = {};
  let seed = 1;
  const values = (count: number): Uint8Array => {
    const data = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      // Numerical Recipes' congruential generator; any would do.
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      data[i] = seed / 2 ** 31 - 1;
    }
    return new Uint8Array(data.buffer);
  };
  const names = Array.from({ length: modules }, (_, i) => `base_model.model.layers.${i}.self_attn.q_proj`);
  for (const name of names) {
    tensors[`${name}.lora_A.weight`] = { dtype: 'F32', shape: [RANK, SIZE], bytes: values(RANK * SIZE) };
    tensors[`${name}.lora_B.weight`] = { dtype: 'F32', shape: [SIZE, RANK], bytes: values(SIZE * RANK) };
  }
  mkdirSync(intoDir, { recursive: true });
  writeFileSync(join(intoDir, WEIGHTS), buildSafetensors(tensors, { format: 'pt' }));
  const config = { peft_type: 'LORA', r: RANK, lora_alpha: RANK, target_modules: ['q_proj'], bias: 'none' };
  writeFileSync(join(intoDir, CONFIG), JSON.stringify(config));
  return intoDir;
}
