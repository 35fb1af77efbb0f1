import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import type { Target } from '../../../src/contract/target.ts';
import { runPythonWithPackages, skipWithoutPython } from '../../clients/python.ts';
import { adapterOf, updatesOf } from '../../engines/tiny-adapters.ts';
import { weightsOf } from '../../engines/tiny-model-file.ts';
import { TINY_MODELS, type TinyModel, type Weight } from '../../engines/tiny-models.ts';
import { gaussianMatrix } from '../../oracle/known-matrices.ts';
import {
  buildSafetensors,
  float32Tensor,
  parseSafetensors,
  readSafetensors,
  tensorMatrix,
} from '../../oracle/safetensors.ts';
import { type Bytes, squeezeToEach } from '../squeezing-files.ts';
import { decomposed, relativeDifference, sum } from './updates.ts';

/** Linear layers with the embedding and the head; with stacked experts; only in attention and feed-forward. */
const [PLAIN, MIXTURE, WITHOUT_ENDS] = ['qwen2', 'qwen2moe', 'gemma2'].map(
  (name) => TINY_MODELS.find(({ architecture }) => architecture === name)!,
) as [TinyModel, TinyModel, TinyModel];

const MLX = { format: 'mlx', dtype: 'float32' } as const;
const TARGETS: readonly Target[] = [
  MLX,
  { ...MLX, rank: 3 },
  { ...MLX, rank: 3, scale: 'keep' },
  { ...MLX, rank: 3, profile: 'mlx-lm' },
];

const magnitudesOf = ({ rows }: Weight, index: number): Float64Array =>
  gaussianMatrix(1, rows, 300 + index).data.map((value) => Math.fround(3 + value));

/** The adapter with a magnitude vector for each module. */
function withDora(tiny: TinyModel): Bytes {
  const { weights, config } = adapterOf(tiny);
  const magnitudes = tiny.weights.map((weight, index) => [
    `base_model.model.${weight.path}.lora_magnitude_vector`,
    float32Tensor([weight.rows], magnitudesOf(weight, index)),
  ]);
  const { tensors } = parseSafetensors(weights);
  return {
    weights: buildSafetensors({ ...Object.fromEntries(tensors), ...Object.fromEntries(magnitudes) }),
    config: JSON.stringify({ ...JSON.parse(config!), use_dora: true }),
  };
}

describe('mlx-lm merges what our files say', { skip: skipWithoutPython('mlx', 'mlx_lm', 'torch') }, () => {
  let pool: ComputePool;
  let folder: string;
  let count = 0;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mlx-lm-loads-'));
    pool = await ComputePool.start('cpu', 1);
  });
  after(async () => {
    await pool.close();
    rmSync(folder, { recursive: true });
  });

  /** A folder with a result and the model that it is for. */
  function folderOf(tiny: TinyModel, { weights, config }: Bytes): string {
    const dir = join(folder, String(count++));
    mkdirSync(dir);
    writeFileSync(join(dir, 'adapters.safetensors'), weights);
    writeFileSync(join(dir, 'adapter_config.json'), config!);
    writeFileSync(join(dir, 'layers.json'), JSON.stringify(layersOf(tiny)));
    writeFileSync(join(dir, 'base.safetensors'), baseOf(tiny));
    return dir;
  }
  const run = (dirs: readonly string[]) =>
    runPythonWithPackages<(string | null)[]>(join(import.meta.dirname, 'merge_with_mlx_lm.py'), ...dirs);

  for (const [what, tiny, source] of [
    ['linear layers, an embedding and a head', PLAIN, adapterOf(PLAIN)],
    ['stacked experts', MIXTURE, adapterOf(MIXTURE)],
    ['DoRA', WITHOUT_ENDS, withDora(WITHOUT_ENDS)],
  ] as const) {
    it(`for ${what}, whole and squeezed`, async () => {
      const results = await squeezeToEach(pool, source, TARGETS);
      const dirs = results.map((result) => folderOf(tiny, result ?? source));
      assert.deepEqual(
        await run(dirs),
        TARGETS.map(() => null),
      );
      for (const [at, target] of TARGETS.entries()) {
        const { tensors } = readSafetensors(join(dirs[at]!, 'merged.safetensors'));
        const updates = 'rank' in target ? updatesOf(tiny, target.rank) : updatesOf(tiny);
        for (const [index, weight] of tiny.weights.entries()) {
          const base = weightsOf(tiny)[index]!;
          const plain = sum(base, updates[index]!);
          const expected = what === 'DoRA' ? decomposed(plain, magnitudesOf(weight, index), plain) : plain;
          const { data } = tensorMatrix(tensors.get(weight.path)!);
          const difference = relativeDifference(expected, { data });
          assert.ok(difference < 1e-5, `${JSON.stringify(target)}: ${weight.path} ${difference}`);
        }
      }
    });
  }

  it('and refuses different ranks, of which a warning informs', async () => {
    const target: Target = { ...MLX, rank_pattern: { q_proj: 2, '.*': 3 } };
    const [result] = await squeezeToEach(pool, adapterOf(PLAIN), [target]);
    assert.match(result!.warnings.join(), /ranks from 2 to 3.*mlx-lm after v0\.31\.3 load only/);
    const [refused] = await run([folderOf(PLAIN, result!)]);
    assert.match(refused!, /incompatible tensors.*q_proj\.lora_a/s);
  });
});

const layersOf = ({ weights }: TinyModel): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    weights.map(({ path, rows, columns, experts, isEmbedding }) => [
      path,
      experts !== undefined
        ? ['experts', columns, rows, experts]
        : isEmbedding
          ? ['embedding', rows, columns]
          : ['linear', columns, rows],
    ]),
  );

const baseOf = (tiny: TinyModel): Buffer =>
  buildSafetensors(
    Object.fromEntries(
      tiny.weights.map(({ path, rows, columns, experts }, index) => [
        path,
        float32Tensor(
          experts === undefined ? [rows, columns] : [experts, rows, columns],
          weightsOf(tiny)[index]!.data,
        ),
      ]),
    ),
  );
