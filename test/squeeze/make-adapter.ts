import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ComputePool } from '../../src/compute/pool.ts';
import type { SqueezeOptions } from '../../src/contract/job-request.ts';
import type { Target } from '../../src/contract/target.ts';
import type { SqueezeInput, WrittenTarget } from '../../src/squeeze/job-context.ts';
import { factorsWithSpectrum } from '../oracle/known-matrices.ts';
import type { Matrix } from '../oracle/linear-algebra.ts';
import { CONFIG, readPeftAdapter, WEIGHTS } from '../oracle/peft-adapter.ts';
import { buildSafetensors, float32Tensor, type Tensor } from '../oracle/safetensors.ts';
import { type SuccessfulOutcome, squeeze } from './successful-squeeze.ts';

export interface ModuleFactors {
  readonly name: string;
  readonly b: Matrix;
  readonly a: Matrix;
}

/** Modules of one rank, each with a different size and spectrum. */
export function someModules(rank: number, count = 3): ModuleFactors[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `layers.${index}.q_proj`,
    ...factorsWithSpectrum(
      rank + 30 + 7 * index,
      rank + 20 + 5 * index,
      Array.from({ length: rank }, (_, i) => (index + 1) * (i + 1) ** -(0.5 + 0.5 * index)),
      100 + index,
    ),
  }));
}

/** Encodes float32 values as a 16-bit tensor by truncation (bfloat16); test inputs need no rounding rule. */
export function bfloat16Tensor({ rows, columns, data }: Matrix): Tensor {
  const bits = new Uint32Array(Float32Array.from(data).buffer);
  return {
    dtype: 'BF16',
    shape: [rows, columns],
    bytes: new Uint8Array(Uint16Array.from(bits, (x) => x >>> 16).buffer),
  };
}

export const tensorOf = ({ rows, columns, data }: Matrix): Tensor => float32Tensor([rows, columns], data);

/** A PEFT adapter in its own folder. */
export function makeAdapter(
  modules: readonly ModuleFactors[],
  config: Readonly<Record<string, unknown>> = {},
  {
    extra = {},
    encode = tensorOf,
  }: { extra?: Record<string, Tensor>; encode?: (matrix: Matrix) => Tensor } = {},
): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'adapter-'));
  const tensors: Record<string, Tensor> = { ...extra };
  for (const { name, b, a } of modules) {
    tensors[`base_model.model.${name}.lora_A.weight`] = encode(a);
    tensors[`base_model.model.${name}.lora_B.weight`] = encode(b);
  }
  const r = modules[0]?.a.rows ?? 1;
  writeFileSync(join(dir, WEIGHTS), buildSafetensors(tensors, { format: 'pt' }));
  writeFileSync(
    join(dir, CONFIG),
    JSON.stringify({
      peft_type: 'LORA',
      r,
      lora_alpha: 2 * r,
      target_modules: ['q_proj'],
      bias: 'none',
      ...config,
    }),
  );
  return { dir, remove: () => rmSync(dir, { recursive: true }) };
}

type Run = {
  readonly kind?: 'squeeze' | 'checkpoint';
  readonly targets: readonly Target[];
  readonly options?: SqueezeOptions;
  readonly signal?: AbortSignal;
  readonly onProgress?: SqueezeInput['onProgress'];
  readonly optimizer?: SqueezeInput['optimizer'];
};

/** Squeezes the adapter in `dir` into a new folder, passes the outcome on and removes the folder. */
export async function squeezing<T>(
  pool: ComputePool,
  dir: string,
  {
    kind = 'squeeze',
    targets,
    options = {},
    signal = new AbortController().signal,
    onProgress = () => {},
    optimizer,
  }: Run,
  use: (outcome: SuccessfulOutcome) => T | Promise<T>,
): Promise<T> {
  const scratchDir = mkdtempSync(join(tmpdir(), 'squeezed-'));
  try {
    const outcome = await squeeze(
      {
        kind,
        sources: [{ id: 'ad_1', sha256: 'f'.repeat(64), bytes: 0, base_model: null, weight: 1 }],
        weightsPath: join(dir, WEIGHTS),
        configBytes: readFileSync(join(dir, CONFIG)),
        targets,
        options,
        ...(optimizer ? { optimizer } : {}),
        scratchDir,
        onProgress,
        signal,
      },
      pool,
    );
    return await use(outcome);
  } finally {
    rmSync(scratchDir, { recursive: true });
  }
}

/** A result as the oracle reads it. */
export const readResult = ({ files }: Pick<WrittenTarget, 'files'>) =>
  readPeftAdapter(join(files![0]!.path, '..'));
