import { randomBytes } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONFIG, WEIGHTS } from '../adapter/write-adapter.ts';

const RANK = 64;
const FEATURES = 4096;
const BYTES_PER_ELEMENT = 2; // bfloat16
const FACTOR_BYTES = RANK * FEATURES * BYTES_PER_ELEMENT;

/**
 * Makes a PEFT adapter of about so many bytes, fast: its factors are the same random bytes again and again, which an
 * upload cannot tell from others. Not to be squeezed.
 * @returns bytes of the weights file
 */
export async function writeLargeAdapter(dir: string, bytes: number): Promise<number> {
  const modules = Math.max(1, Math.round(bytes / (2 * FACTOR_BYTES)));
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, CONFIG), JSON.stringify(CONFIGURATION));
  const header = safetensorsHeader(modules);
  const module = randomBytes(2 * FACTOR_BYTES);
  const file = await open(join(dir, WEIGHTS), 'w');
  try {
    await file.write(header);
    for (let index = 0; index < modules; index++) await file.write(module);
  } finally {
    await file.close();
  }
  return header.length + modules * module.length;
}

const CONFIGURATION = {
  base_model_name_or_path: 'bench/large',
  bias: 'none',
  fan_in_fan_out: false,
  lora_alpha: 2 * RANK,
  peft_type: 'LORA',
  r: RANK,
  target_modules: ['q_proj'],
};

function safetensorsHeader(modules: number): Buffer {
  const entries: Record<string, unknown> = {};
  let offset = 0;
  for (let index = 0; index < modules; index++) {
    const path = `base_model.model.layers.${index}.self_attn.q_proj`;
    for (const [name, shape] of [
      [`${path}.lora_A.weight`, [RANK, FEATURES]],
      [`${path}.lora_B.weight`, [FEATURES, RANK]],
    ] as const) {
      entries[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + FACTOR_BYTES] };
      offset += FACTOR_BYTES;
    }
  }
  const json = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json]);
}
