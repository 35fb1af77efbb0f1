import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import type { Target } from '../../../src/contract/target.ts';
import { runPythonWithPackages, skipWithoutPython } from '../../clients/python.ts';
import { gaussianMatrix } from '../../oracle/known-matrices.ts';
import {
  type Matrix,
  matrix,
  multiply,
  optimalTruncation,
  scaled,
  transpose,
} from '../../oracle/linear-algebra.ts';
import { type OracleModule, parsePeftAdapter } from '../../oracle/peft-adapter.ts';
import {
  buildSafetensors,
  decodeTensor,
  float32Tensor,
  readSafetensors,
  type Tensor,
  tensorMatrix,
} from '../../oracle/safetensors.ts';
import { type Bytes, squeezeBytes } from '../squeezing-files.ts';
import { identity, relativeDifference } from './updates.ts';

/** A layer as torch creates it: its kind, and the sizes for its constructor. */
type Layer = readonly ['linear' | 'conv' | 'embedding' | 'conv1d', ...number[]];

const LAYERS: Readonly<Record<string, Layer>> = {
  'model.embed_tokens': ['embedding', 40, 16],
  'model.layers.0.self_attn.q_proj': ['linear', 24, 32],
  'model.layers.0.self_attn.v_proj': ['linear', 24, 16],
  'model.layers.1.self_attn.q_proj': ['linear', 24, 32],
  'vision.patches': ['conv', 8, 12, 3],
};
const GPT2: Readonly<Record<string, Layer>> = {
  'transformer.h.0.attn.c_attn': ['conv1d', 48, 16],
  'transformer.h.0.mlp.c_proj': ['conv1d', 16, 64],
};
const RANK = 8;

/** Random factors named as in PEFT, with directions of decreasing size. */
function adapterOf(layers: Readonly<Record<string, Layer>>, config: object): Bytes {
  const tensors = Object.entries(layers).flatMap(([path, [kind, first, second, kernel]], index) => {
    const [inputs, outputs] = kind === 'conv1d' ? [second!, first!] : [first!, second!];
    const columns = kind === 'conv' ? inputs * kernel! ** 2 : inputs;
    const a = gaussianMatrix(RANK, columns, 2 * index);
    const b = gaussianMatrix(outputs, RANK, 2 * index + 1).data.map((value, at) => value / 2 ** (at % RANK));
    const conv = kind === 'conv';
    const [nameA, nameB] = kind === 'embedding' ? ['embedding_A', 'embedding_B'] : ['A.weight', 'B.weight'];
    return [
      [
        `base_model.model.${path}.lora_${nameA}`,
        float32Tensor(conv ? [RANK, inputs, kernel!, kernel!] : [RANK, columns], a.data),
      ],
      [
        `base_model.model.${path}.lora_${nameB}`,
        float32Tensor(conv ? [outputs, RANK, 1, 1] : [outputs, RANK], b),
      ],
    ] as [string, Tensor][];
  });
  const names = Object.keys(layers).map((path) => path.split('.').at(-1)!);
  return {
    weights: buildSafetensors(Object.fromEntries(tensors)),
    config: JSON.stringify({
      peft_type: 'LORA',
      r: RANK,
      lora_alpha: 12,
      target_modules: [...new Set(names)],
      ...config,
    }),
  };
}

const SOURCES: Readonly<Record<string, readonly [Readonly<Record<string, Layer>>, Bytes]>> = {
  plain: [LAYERS, adapterOf(LAYERS, {})],
  'rank-stabilised, with alphas of its own': [
    LAYERS,
    adapterOf(LAYERS, { use_rslora: true, alpha_pattern: { 'layers.1.self_attn.q_proj': 5 } }),
  ],
  'of GPT-2': [GPT2, adapterOf(GPT2, { fan_in_fan_out: true })],
};
const TARGETS: readonly Target[] = [
  { rank: 4 },
  { rank: 3, scale: 'keep' },
  { rank: 3, scale: 'sqrt', dtype: 'float16' },
  { energy: 0.95, uniform: false },
  { rank_pattern: { '.*': 5 }, max_rank: 6 },
];

describe('PEFT computes the updates of our files', { skip: skipWithoutPython('peft', 'torch') }, () => {
  let pool: ComputePool;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'peft-loads-'));
    pool = await ComputePool.start('cpu', 1);
  });
  after(async () => {
    await pool.close();
    rmSync(folder, { recursive: true });
  });

  it('for every update of every layer', async () => {
    const cases: { what: string; dir: string; modules: ReadonlyMap<string, OracleModule>; layers: object }[] =
      [];
    for (const [source, [layers, files]] of Object.entries(SOURCES)) {
      for (const target of [null, ...TARGETS]) {
        const { weights, config } = target ? (await squeezeBytes(pool, files, target))! : files;
        const dir = join(folder, String(cases.length));
        mkdirSync(dir);
        writeFileSync(join(dir, 'adapter_model.safetensors'), weights);
        writeFileSync(join(dir, 'adapter_config.json'), config!);
        writeFileSync(join(dir, 'layers.json'), JSON.stringify(layers));
        const what = `${source}: ${JSON.stringify(target)}`;
        cases.push({ what, dir, modules: parsePeftAdapter(weights, config!).modules, layers });
      }
    }
    await runPythonWithPackages(
      join(import.meta.dirname, 'load_with_peft.py'),
      ...cases.map(({ dir }) => dir),
    );
    for (const { what, dir, modules, layers } of cases) {
      const { tensors } = readSafetensors(join(dir, 'deltas.safetensors'));
      assert.deepEqual([...modules.keys()].sort(), Object.keys(layers).sort());
      for (const [path, [kind]] of Object.entries(layers) as [string, Layer][]) {
        const { a, b, scale } = modules.get(path)!;
        const update = scaled(multiply(b, a), scale);
        const expected = kind === 'embedding' || kind === 'conv1d' ? transpose(update) : update;
        const difference = relativeDifference(expected, { data: decodeTensor(tensors.get(path)!) });
        assert.ok(difference < 1e-6, `${what}: ${path} ${difference}`);
      }
    }
  });

  it('for LoHa, LoKr, AdaLoRA and experts that PEFT wrote, converted to LoRA', async () => {
    const below = join(folder, 'made');
    mkdirSync(below);
    const script = (name: string) => join(import.meta.dirname, name);
    const names = await runPythonWithPackages<string[]>(script('make_with_peft.py'), below);
    // As large as any of the layers, so that nothing is lost; half the rank for the experts.
    const rankOf = (name: string) => (name === 'experts' ? 3 : 72);
    for (const name of names) {
      const path = (file: string) => join(below, name, file);
      const [weights, config] = [path('adapter_model.safetensors'), path('adapter_config.json')];
      const source = { weights: readFileSync(weights), config: readFileSync(config, 'utf8') };
      const result = (await squeezeBytes(pool, source, { rank: rankOf(name), dtype: 'float32' }))!;
      writeFileSync(weights, result.weights);
      writeFileSync(config, result.config!);
    }
    await runPythonWithPackages(script('load_with_peft.py'), ...names.map((name) => join(below, name)));
    for (const name of names) {
      const wanted = readSafetensors(join(below, name, 'made.safetensors')).tensors;
      const found = readSafetensors(join(below, name, 'deltas.safetensors')).tensors;
      assert.equal(wanted.size, name === 'experts' ? 2 : 3);
      for (const [layer, tensor] of wanted) {
        const is = matricesOf(found.get(layer)!);
        for (const [index, should] of matricesOf(tensor).entries()) {
          const difference = relativeDifference(should, is[index]!);
          const least = optimalTruncation(should, identity(should.columns), 1, rankOf(name));
          const what = `${name}, ${layer} ${index}: ${difference}, at best ${least}`;
          assert.ok(difference < least * (1 + 1e-4) + 1e-5, what);
        }
      }
    }
  });
});

/** The update of a layer as a matrix, or those of the experts as a stack. */
function matricesOf(tensor: Tensor): Matrix[] {
  const { shape } = tensor;
  if (shape.length !== 3) return [tensorMatrix(tensor)];
  const [count, rows, columns] = shape as [number, number, number];
  const numbers = decodeTensor(tensor);
  const size = rows * columns;
  return Array.from({ length: count }, (_, e) =>
    matrix(rows, columns, numbers.subarray(e * size, (e + 1) * size)),
  );
}
