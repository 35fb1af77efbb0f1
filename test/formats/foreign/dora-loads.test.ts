import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import type { Target } from '../../../src/contract/target.ts';
import { runPythonWithPackages, skipWithoutPython } from '../../clients/python.ts';
import {
  diagonal,
  factorsWithSpectrum,
  gaussianMatrix,
  orthonormalColumns,
} from '../../oracle/known-matrices.ts';
import { type Matrix, matrix, multiply, transpose } from '../../oracle/linear-algebra.ts';
import { buildSafetensors, float32Tensor, readSafetensors, tensorMatrix } from '../../oracle/safetensors.ts';
import { squeezeToEach } from '../squeezing-files.ts';
import { decomposed, relativeDifference, sum } from './updates.ts';

/** Inputs, outputs, kernel: [] for a linear layer. */
type Layer = readonly [inputs: number, outputs: number, kernel: readonly number[]];

const LAYERS: Readonly<Record<string, Layer>> = {
  'down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q': [24, 32, []],
  'down_blocks.0.attentions.0.transformer_blocks.0.ff.net.2': [32, 24, []],
  'down_blocks.0.resnets.0.conv1': [8, 12, [3, 3]],
};
const SIGMA = [4, 3, 2, 1, 0.5, 0.25];
const RANK = SIGMA.length;
const SCALE = 1.5;
const columnsOf = ([inputs, , kernel]: Layer): number => kernel.reduce((size, side) => size * side, inputs);

/** W, ΔW with its largest directions, and m of each layer. */
const baseOf = (layer: Layer, index: number): Matrix =>
  rounded(gaussianMatrix(layer[1], columnsOf(layer), 100 + index));
function updateOf(layer: Layer, index: number, rank: number): Matrix {
  const left = orthonormalColumns(layer[1], RANK, 10 * index + 2);
  const right = orthonormalColumns(columnsOf(layer), RANK, 10 * index + 3);
  const sigma = SIGMA.map((value, at) => (at < rank ? SCALE * value : 0));
  return multiply(multiply(left, diagonal(sigma)), transpose(right));
}
const magnitudesOf = ([, outputs]: Layer, index: number): Float64Array =>
  gaussianMatrix(1, outputs, 200 + index).data.map((value) => Math.fround(3 + value));

const rounded = ({ rows, columns, data }: Matrix): Matrix => matrix(rows, columns, data.map(Math.fround));

/** The folder of such an adapter as PEFT writes it. */
function source() {
  const tensors = Object.entries(LAYERS).flatMap(([path, layer], index) => {
    const [inputs, outputs, kernel] = layer;
    const { a, b } = factorsWithSpectrum(outputs, columnsOf(layer), SIGMA, 10 * index);
    const before = `base_model.model.${path}.lora_`;
    const ones = kernel.map(() => 1);
    return [
      [`${before}A.weight`, float32Tensor([RANK, inputs, ...kernel], a.data)],
      [`${before}B.weight`, float32Tensor([outputs, RANK, ...ones], b.data)],
      [
        `${before}magnitude_vector`,
        float32Tensor(kernel.length > 0 ? [1, outputs, ...ones] : [outputs], magnitudesOf(layer, index)),
      ],
    ] as const;
  });
  const config = {
    peft_type: 'LORA',
    r: RANK,
    lora_alpha: SCALE * RANK,
    use_dora: true,
    target_modules: Object.keys(LAYERS),
  };
  return { weights: buildSafetensors(Object.fromEntries(tensors)), config: JSON.stringify(config) };
}

const SQUEEZED: Target = { rank: 3, dtype: 'float32' };
const TARGETS = [SQUEEZED, { ...SQUEEZED, scale: 'keep' }, { ...SQUEEZED, scale: 'sqrt' }] as const;

interface Program {
  readonly name: string;
  readonly packages: readonly string[];
  readonly format: 'peft' | 'kohya';
  /** The weight whose rows have the norm by which a row is divided: ComfyUI and Forge take the base's. */
  readonly norm: 'merged' | 'base';
}
const PROGRAMS: readonly Program[] = [
  { name: 'peft', packages: ['peft'], format: 'peft', norm: 'merged' },
  { name: 'lycoris', packages: ['lycoris'], format: 'kohya', norm: 'merged' },
  { name: 'comfyui', packages: ['comfy'], format: 'kohya', norm: 'base' },
  { name: 'forge', packages: ['backend', 'packages_3rdparty'], format: 'kohya', norm: 'base' },
];

function merged(layer: Layer, index: number, rank: number, norm: Program['norm']): Matrix {
  const base = baseOf(layer, index);
  const plain = sum(base, updateOf(layer, index, rank));
  return decomposed(plain, magnitudesOf(layer, index), norm === 'base' ? base : plain);
}

for (const { name, packages, format, norm } of PROGRAMS) {
  describe(`${name} merges DoRA as our files say`, { skip: skipWithoutPython(...packages, 'torch') }, () => {
    let pool: ComputePool;
    let folder: string;
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'dora-loads-'));
      pool = await ComputePool.start('cpu', 1);
    });
    after(async () => {
      await pool.close();
      rmSync(folder, { recursive: true });
    });

    it('whole and squeezed, with every scale', async () => {
      const adapter = source();
      const targets: Target[] = [{ format }, ...TARGETS.map((target) => ({ ...target, format }))];
      const results = await squeezeToEach(pool, adapter, targets);
      const cases = targets.map((target, index) => {
        const dir = join(folder, String(index));
        mkdirSync(dir);
        // PEFT gets the source itself for the target that changes nothing.
        const { weights, config } = results[index] ?? adapter;
        writeFileSync(
          join(dir, format === 'peft' ? 'adapter_model.safetensors' : 'lora.safetensors'),
          weights,
        );
        if (config !== null) writeFileSync(join(dir, 'adapter_config.json'), config);
        writeFileSync(join(dir, 'layers.json'), JSON.stringify(kindsOf()));
        writeFileSync(join(dir, 'base.safetensors'), baseFile());
        return { dir, target, rank: 'rank' in target ? target.rank : RANK };
      });
      const script = join(import.meta.dirname, 'merge_dora.py');
      await runPythonWithPackages(script, name, ...cases.map(({ dir }) => dir));
      for (const { dir, target, rank } of cases) {
        const { tensors } = readSafetensors(join(dir, 'merged.safetensors'));
        assert.deepEqual([...tensors.keys()].sort(), Object.keys(LAYERS).sort());
        for (const [index, [path, layer]] of Object.entries(LAYERS).entries()) {
          const found = tensorMatrix(tensors.get(path)!);
          const difference = relativeDifference(merged(layer, index, rank, norm), found);
          assert.ok(difference < 1e-5, `${JSON.stringify(target)}: ${path} ${difference}`);
        }
      }
    });
  });
}

/** What toy_model.py builds. */
const kindsOf = (): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(LAYERS).map(([path, [inputs, outputs, [side]]]) => [
      path,
      side === undefined ? ['linear', inputs, outputs] : ['conv', inputs, outputs, side],
    ]),
  );

const baseFile = (): Buffer =>
  buildSafetensors(
    Object.fromEntries(
      Object.entries(LAYERS).map(([path, layer], index) => {
        const [inputs, outputs, kernel] = layer;
        return [path, float32Tensor([outputs, inputs, ...kernel], baseOf(layer, index).data)];
      }),
    ),
  );
