import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { layOut } from '../../src/safetensors/layout.ts';
import { factors, spectrum } from '../adapter/factors.ts';
import { random } from '../adapter/random.ts';
import { CONFIG, WEIGHTS } from '../adapter/write-adapter.ts';

const RANK = 8;
const LAYERS = 12;
const HIDDEN = 768;
/** GPT-2's projections, as outputs and inputs. */
const PROJECTIONS = [
  ['attn.c_attn', 3 * HIDDEN, HIDDEN],
  ['attn.c_proj', HIDDEN, HIDDEN],
  ['mlp.c_fc', 4 * HIDDEN, HIDDEN],
] as const;

const SHAPES = Array.from({ length: LAYERS }, (_, layer) =>
  PROJECTIONS.map(([projection, outFeatures, inFeatures]) => ({
    name: `base_model.model.transformer.h.${layer}.${projection}`,
    outFeatures,
    inFeatures,
  })),
).flat();

/** 36 modules of rank 8, float32: 3.2 MB. */
export const MODULES = SHAPES.length;

/**
 * Creates PEFT adapters of GPT-2's size, one in each folder, all with different weights. Existing ones are kept, and
 * those of a larger count are removed, because the loop uses whatever is in the folder.
 * @returns their folders
 */
export async function writeGpt2Adapters(dir: string, count: number): Promise<string[]> {
  const folders = Array.from({ length: count }, (_, index) =>
    join(dir, `gpt2-${String(index).padStart(4, '0')}`),
  );
  for (const [index, folder] of folders.entries()) {
    const path = join(folder, WEIGHTS);
    if (existsSync(path)) continue;
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, CONFIG), JSON.stringify(CONFIGURATION));
    await writeFile(`${path}.partial`, weights(index));
    await rename(`${path}.partial`, path);
  }
  const wanted = new Set(folders);
  for (const name of await readdir(dir))
    if (!wanted.has(join(dir, name))) await rm(join(dir, name), { recursive: true });
  return folders;
}

const CONFIGURATION = {
  base_model_name_or_path: 'openai-community/gpt2',
  bias: 'none',
  // GPT-2 consists of Transformers' Conv1D layers.
  fan_in_fan_out: true,
  lora_alpha: 2 * RANK,
  lora_dropout: 0,
  peft_type: 'LORA',
  r: RANK,
  target_modules: PROJECTIONS.map(([name]) => name),
  task_type: 'CAUSAL_LM',
};

function weights(seed: number): Buffer {
  const next = random(seed);
  const tensors = SHAPES.flatMap((shape) => {
    const { a, b } = factors(shape, spectrum(RANK, 0.5 + next()), next);
    return [
      { name: `${shape.name}.lora_A.weight`, dtype: 'F32', shape: [RANK, shape.inFeatures], data: a },
      { name: `${shape.name}.lora_B.weight`, dtype: 'F32', shape: [shape.outFeatures, RANK], data: b },
    ];
  });
  // Tensors of one dtype are written in the given order.
  const { headerBytes } = layOut(tensors, new Map([['format', 'pt']]));
  const bytesOf = ({ data }: { readonly data: Float32Array }) =>
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([headerBytes, ...tensors.map(bytesOf)]);
}
