import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/**
 * A deterministic LoRA adapter of the shape Llama-2-7B has (224 modules, rank 64, bfloat16, 320 MB) whose best
 * possible squeeze is known: every ΔW = B·A has singular values c·i^-0.7. The inner space is mixed at random, so
 * that the factors are neither orthogonal nor balanced, as those of a trained adapter.
 */
const HIDDEN = 4096;
const FEED_FORWARD = 11008;
const LAYER_COUNT = 32;
const RANK = 64;
const DECAY = 0.7;
const SEED = 1234;

interface ModuleShape {
  readonly name: string;
  readonly outFeatures: number;
  readonly inFeatures: number;
}

const PROJECTIONS: readonly (readonly [string, number, number])[] = [
  ['mlp.down_proj', HIDDEN, FEED_FORWARD],
  ['mlp.gate_proj', FEED_FORWARD, HIDDEN],
  ['mlp.up_proj', FEED_FORWARD, HIDDEN],
  ['self_attn.k_proj', HIDDEN, HIDDEN],
  ['self_attn.o_proj', HIDDEN, HIDDEN],
  ['self_attn.q_proj', HIDDEN, HIDDEN],
  ['self_attn.v_proj', HIDDEN, HIDDEN],
];

const MODULES: readonly ModuleShape[] = Array.from({ length: LAYER_COUNT }, (_, layer) =>
  PROJECTIONS.map(([projection, outFeatures, inFeatures]) => ({
    name: `base_model.model.model.layers.${layer}.${projection}`,
    outFeatures,
    inFeatures,
  })),
).flat();

const CONFIG = {
  base_model_name_or_path: 'meta-llama/Llama-2-7b-hf',
  bias: 'none',
  fan_in_fan_out: false,
  inference_mode: true,
  lora_alpha: 2 * RANK,
  lora_dropout: 0,
  peft_type: 'LORA',
  r: RANK,
  target_modules: PROJECTIONS.map(([projection]) => projection.split('.')[1]),
  task_type: 'CAUSAL_LM',
  use_dora: false,
  use_rslora: false,
};

/** Makes the adapter in `dir` unless it is there already. */
export async function ensureLlamaAdapter(dir: string): Promise<void> {
  const weightsPath = join(dir, 'adapter_model.safetensors');
  if (existsSync(weightsPath)) return;
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'adapter_config.json'), JSON.stringify(CONFIG, null, 2));
  const partial = `${weightsPath}.partial`;
  await pipeline(safetensors(), createWriteStream(partial));
  await rename(partial, weightsPath);
}

function* safetensors(): Generator<Uint8Array> {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  const declare = (name: string, shape: readonly [number, number]): void => {
    const bytes = 2 * shape[0] * shape[1];
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  };
  for (const { name, outFeatures, inFeatures } of MODULES) {
    declare(`${name}.lora_A.weight`, [RANK, inFeatures]);
    declare(`${name}.lora_B.weight`, [outFeatures, RANK]);
  }
  const json = JSON.stringify(header);
  const padded = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  yield length;
  yield padded;
  for (const [index, shape] of MODULES.entries()) {
    const { a, b } = factors(shape, random(SEED + index));
    yield bfloat16(a);
    yield bfloat16(b);
  }
}

/** ΔW = Q_out·Σ·Q_inᵀ written as B = Q_out·(√Σ·M) and A = (M⁻¹·√Σ)·Q_inᵀ with a random, well-conditioned M. */
function factors(shape: ModuleShape, next: () => number): { a: Float32Array; b: Float32Array } {
  const left = randomRotation(next);
  const right = randomRotation(next);
  const stretch = Array.from({ length: RANK }, () => 2 ** (2 * next() - 1));
  const size = 0.5 + next();
  const root = Array.from({ length: RANK }, (_, i) => Math.sqrt(size * (i + 1) ** -DECAY));

  // M = left·diag(stretch)·right, and its inverse rightᵀ·diag(1/stretch)·leftᵀ.
  const mixB = new Float64Array(RANK * RANK); // [i, j] of (√Σ·M)
  const mixA = new Float64Array(RANK * RANK); // [i, j] of (M⁻¹·√Σ)
  for (let i = 0; i < RANK; i++) {
    for (let j = 0; j < RANK; j++) {
      let forward = 0;
      let inverse = 0;
      for (let k = 0; k < RANK; k++) {
        forward += left[i * RANK + k]! * stretch[k]! * right[k * RANK + j]!;
        inverse += (right[k * RANK + i]! / stretch[k]!) * left[j * RANK + k]!;
      }
      mixB[i * RANK + j] = root[i]! * forward;
      mixA[i * RANK + j] = inverse * root[j]!;
    }
  }
  const mixBTransposed = Float64Array.from(
    mixB,
    (_, at) => mixB[(at % RANK) * RANK + Math.floor(at / RANK)]!,
  );
  const bTransposed = combineRows(mixBTransposed, orthonormalRows(shape.outFeatures, next));
  return {
    a: combineRows(mixA, orthonormalRows(shape.inFeatures, next)),
    b: transpose(bTransposed, RANK, shape.outFeatures),
  };
}

/** RANK orthonormal rows of the given length: distinct rows of the DCT-II matrix, columns with random signs. */
function orthonormalRows(length: number, next: () => number): Float32Array {
  const cosines = Float64Array.from({ length: 4 * length }, (_, i) => Math.cos((Math.PI * i) / (2 * length)));
  const signs = Float64Array.from({ length }, () => (next() < 0.5 ? -1 : 1) * Math.sqrt(2 / length));
  const frequencies = new Set<number>();
  while (frequencies.size < RANK) frequencies.add(1 + Math.floor(next() * (length - 1)));
  const rows = new Float32Array(RANK * length);
  let at = 0;
  for (const frequency of frequencies) {
    for (let i = 0; i < length; i++)
      rows[at++] = signs[i]! * cosines[((2 * i + 1) * frequency) % (4 * length)]!;
  }
  return rows;
}

/** mix·rows for mix [RANK, RANK] and rows [RANK, length]. Four source rows at a time: this is where the time goes. */
function combineRows(mix: Float64Array, rows: Float32Array): Float32Array {
  const length = rows.length / RANK;
  const result = new Float32Array(rows.length);
  for (let i = 0; i < RANK; i++) {
    const out = result.subarray(i * length, (i + 1) * length);
    for (let k = 0; k < RANK; k += 4) {
      const at = i * RANK + k;
      const m0 = mix[at]!;
      const m1 = mix[at + 1]!;
      const m2 = mix[at + 2]!;
      const m3 = mix[at + 3]!;
      const r0 = rows.subarray(k * length, (k + 1) * length);
      const r1 = rows.subarray((k + 1) * length, (k + 2) * length);
      const r2 = rows.subarray((k + 2) * length, (k + 3) * length);
      const r3 = rows.subarray((k + 3) * length, (k + 4) * length);
      for (let j = 0; j < length; j++) {
        out[j] = out[j]! + m0 * r0[j]! + m1 * r1[j]! + m2 * r2[j]! + m3 * r3[j]!;
      }
    }
  }
  return result;
}

/** An orthogonal [RANK, RANK] matrix: Gram-Schmidt, done twice, on uniform noise. */
function randomRotation(next: () => number): Float64Array {
  const q = Float64Array.from({ length: RANK * RANK }, () => next() - 0.5);
  for (let i = 0; i < RANK; i++) {
    const row = q.subarray(i * RANK, (i + 1) * RANK);
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < i; k++) {
        const other = q.subarray(k * RANK, (k + 1) * RANK);
        const dot = row.reduce((sum, value, j) => sum + value * other[j]!, 0);
        for (let j = 0; j < RANK; j++) row[j] = row[j]! - dot * other[j]!;
      }
    }
    const norm = Math.hypot(...row);
    for (let j = 0; j < RANK; j++) row[j] = row[j]! / norm;
  }
  return q;
}

function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(matrix.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = matrix[i * columns + j]!;
  }
  return result;
}

/** Rounds to nearest, ties to even. */
function bfloat16(values: Float32Array): Uint8Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = Uint16Array.from(words, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16);
  return new Uint8Array(halves.buffer);
}

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}
