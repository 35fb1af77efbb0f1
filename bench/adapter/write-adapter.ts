import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AdapterSpec } from './adapter-spec.ts';
import { bfloat16 } from './bfloat16.ts';
import { factors, spectrum } from './factors.ts';
import { random } from './random.ts';

export const WEIGHTS = 'adapter_model.safetensors';
export const CONFIG = 'adapter_config.json';

const SEED = 1234;
const ALIGNMENT_BYTES = 8;

/** Creates the PEFT adapter in `dir` unless it already exists. Written as a stream: at most one module is in memory. */
export async function writeAdapter(dir: string, spec: AdapterSpec): Promise<void> {
  const weightsPath = join(dir, WEIGHTS);
  if (existsSync(weightsPath)) return;
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, CONFIG), JSON.stringify(adapterConfig(spec), null, 2));
  const partial = `${weightsPath}.partial`;
  await pipeline(Readable.from(safetensors(spec)), createWriteStream(partial));
  await rename(partial, weightsPath);
}

/** The contents of `adapter_config.json` for such an adapter. */
export function adapterConfig({ rank, modules }: AdapterSpec) {
  return {
    base_model_name_or_path: 'meta-llama/Llama-2-7b-hf',
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    lora_alpha: 2 * rank,
    lora_dropout: 0,
    peft_type: 'LORA',
    r: rank,
    target_modules: [...new Set(modules.map(({ name }) => name.slice(name.lastIndexOf('.') + 1)))],
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: false,
  };
}

/** ‖ΔW‖₂ of the module with this index, and the generator of its numbers. */
export function moduleSource(index: number): { size: number; next: () => number } {
  const next = random(SEED + index);
  return { size: 0.5 + next(), next };
}

function* safetensors({ rank, modules }: AdapterSpec): Generator<Uint8Array> {
  yield safetensorsHeader({ rank, modules });
  for (const [index, shape] of modules.entries()) {
    const { size, next } = moduleSource(index);
    const { a, b } = factors(shape, spectrum(rank, size), next);
    yield bfloat16(a);
    yield bfloat16(b);
  }
}

/** The header of its weights file: each module's A, then its B, bfloat16. */
export function safetensorsHeader({ rank, modules }: Omit<AdapterSpec, 'name'>): Buffer {
  const entries: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  const declare = (name: string, shape: readonly [number, number]): void => {
    const bytes = 2 * shape[0] * shape[1];
    entries[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  };
  for (const { name, outFeatures, inFeatures } of modules) {
    declare(`${name}.lora_A.weight`, [rank, inFeatures]);
    declare(`${name}.lora_B.weight`, [outFeatures, rank]);
  }
  const json = JSON.stringify(entries);
  const padded = Buffer.from(json.padEnd(Math.ceil(json.length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
}
