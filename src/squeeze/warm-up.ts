import { hash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WEIGHTS_FILE } from '../adapter/file-names.ts';
import type { ComputePool } from '../compute/pool.ts';
import { normals } from '../core/random.ts';
import { layOut } from '../safetensors/layout.ts';
import type { SourceFiles } from './job-context.ts';
import { runRequest } from './run-request.ts';

const RANK = 8;
const FEATURES = 64;
const MODULES = 4;

/** More rounds do not make the first job faster. */
const ROUNDS = 3;

/**
 * Squeezes small built-in adapters on all threads of a pool, so that the usual sessions exist and the code is
 * compiled before the first job.
 * @param folder for files, which the caller creates and removes
 * @throws AppError and errors of the system, as a job does
 */
export async function warmUp(pool: ComputePool, folder: string): Promise<void> {
  const sources = [await writeAdapter(folder, 'F32'), await writeAdapter(folder, 'BF16')];
  for (let round = 0; round < ROUNDS; round++) {
    const atOnce = Array.from({ length: pool.provider.threads }, (_, index) =>
      squeezeOnce(pool, sources[(round + index) % sources.length]!, join(folder, `${round}-${index}`)),
    );
    await Promise.all(atOnce);
  }
}

async function squeezeOnce(pool: ComputePool, source: SourceFiles, scratchDir: string): Promise<void> {
  await mkdir(scratchDir);
  await runRequest(
    {
      request: { kind: 'squeeze', adapter_id: source.id, targets: [{ rank: RANK / 2 }] },
      sources: new Map([[source.id, source]]),
      optimizerPath: null,
      scratchDir,
      onProgress: () => undefined,
      signal: new AbortController().signal,
    },
    pool,
  );
}

async function writeAdapter(folder: string, dtype: 'F32' | 'BF16'): Promise<SourceFiles> {
  const tensors = Array.from({ length: MODULES }, (_, index) => {
    const module = `base_model.model.layers.${index}.q_proj`;
    return [
      { name: `${module}.lora_A.weight`, dtype, shape: [RANK, FEATURES] },
      { name: `${module}.lora_B.weight`, dtype, shape: [FEATURES, RANK] },
    ];
  }).flat();
  const { headerBytes, totalBytes } = layOut(tensors, new Map());
  const count = tensors.length * RANK * FEATURES;
  const values = Float32Array.from(normals(0, 'warm-up', count));
  // A bfloat16 is the upper half of a float32.
  const data = dtype === 'F32' ? values : new Uint16Array(values.buffer).filter((_, at) => at % 2 === 1);
  const bytes = Buffer.concat([headerBytes, new Uint8Array(data.buffer)]);
  const weightsPath = join(folder, `${dtype}-${WEIGHTS_FILE}`);
  await writeFile(weightsPath, bytes);
  const config = { peft_type: 'LORA', r: RANK, lora_alpha: RANK, target_modules: ['q_proj'] };
  return {
    ...{ id: dtype, sha256: hash('sha256', bytes), base_model: null, bytes: totalBytes, weightsPath },
    configBytes: Buffer.from(JSON.stringify(config)),
  };
}
