import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import fc from '../../fast-check.ts';
import { factorsWithSpectrum, gaussianMatrix } from '../../oracle/known-matrices.ts';
import { type Matrix, transpose } from '../../oracle/linear-algebra.ts';
import { buildSafetensors, float32Tensor, parseSafetensors, type Tensor } from '../../oracle/safetensors.ts';
import { allowedError, scoreAdapter } from '../../oracle/score.ts';
import { type Bytes, squeezeBytes } from '../squeezing-files.ts';
import { parseMlxAdapter } from './mlx-oracle.ts';

const FOLDER = new URL('../../fixtures/adapters/mlx-qwen25-05b-r8/', import.meta.url);
const realFiles = (name: string): Bytes => ({
  weights: readFileSync(new URL(name, FOLDER)),
  config: readFileSync(new URL('adapter_config.json', FOLDER), 'utf8'),
});
const oracle = ({ weights, config }: Bytes) => parseMlxAdapter(weights, config!);

const tensorOf = ({ rows, columns, data }: Matrix): Tensor => float32Tensor([rows, columns], data);

/** Concatenates matrices. */
const stackOf = (parts: readonly Matrix[], shape: readonly number[]): Tensor =>
  float32Tensor(
    shape,
    parts.flatMap(({ data }) => [...data]),
  );

const configOf = (fields: Record<string, unknown> = {}): string =>
  JSON.stringify({
    fine_tune_type: 'lora',
    model: 'some/model',
    num_layers: 2,
    lora_parameters: { keys: ['self_attn.q_proj'], rank: 6, scale: 3, dropout: 0.1 },
    ...fields,
  });

describe('squeezing adapters of MLX', () => {
  let pool: ComputePool;
  before(async () => {
    pool = await ComputePool.start('cpu', 2);
  });
  after(() => pool.close());

  for (const name of ['adapters.safetensors', '0000100_adapters.safetensors']) {
    it(`${name}: half the rank, with the smallest possible error`, async () => {
      const source = realFiles(name);
      const result = (await squeezeBytes(pool, source, { rank: 4 }))!;
      assert.deepEqual(result.names, ['adapters.safetensors', 'adapter_config.json']);
      const [before, after] = [oracle(source), oracle(result)];
      assert.equal(before.modules.size, 8);
      for (const [module, score] of scoreAdapter(before, after)) {
        assert.equal(score.rank, 4);
        assert.ok(score.optimalError > 1e-3, `${module} has nothing to lose`);
        assert.ok(
          score.actualError <= allowedError(score, 1e-6) + 1e-9,
          `${module}: ${score.actualError}, optimal ${score.optimalError}`,
        );
      }
      // The configuration has the same fields in the same order, except for rank and scale.
      const [sourceConfig, resultConfig] = [JSON.parse(source.config!), JSON.parse(result.config!)];
      assert.deepEqual(Object.keys(resultConfig), Object.keys(sourceConfig));
      assert.deepEqual(resultConfig, {
        ...sourceConfig,
        lora_parameters: { rank: 4, alpha: 4, dropout: 0, scale: 1 },
      });
      assert.deepEqual(Object.keys(resultConfig.lora_parameters), Object.keys(sourceConfig.lora_parameters));
    });
  }

  it('keeps the scale on request, and converts to another dtype', async () => {
    const source = realFiles('adapters.safetensors');
    const result = (await squeezeBytes(pool, source, { rank: 4, scale: 'keep', dtype: 'bfloat16' }))!;
    assert.equal(JSON.parse(result.config!).lora_parameters.scale, 10);
    for (const score of scoreAdapter(oracle(source), oracle(result)).values())
      assert.ok(score.actualError <= allowedError(score, 1e-6));
    const { tensors } = parseSafetensors(result.weights);
    assert.ok([...tensors.values()].every(({ dtype }) => dtype === 'BF16'));
  });

  it('gives modules ranks of their own, and the configuration the largest', async () => {
    const source = realFiles('adapters.safetensors');
    const result = (await squeezeBytes(pool, source, { rank_pattern: { q_proj: 4, v_proj: 2 } }))!;
    const ranks = [...oracle(result).modules.values()].map(({ rank }) => rank);
    assert.deepEqual(new Set(ranks), new Set([4, 2]));
    assert.equal(JSON.parse(result.config!).lora_parameters.rank, Math.max(...ranks));
    assert.match(result.warnings.join(), /ranks from 2 to 4\. Versions of mlx-lm after v0\.31\.3/);
    const one = (await squeezeBytes(pool, source, { rank: 4 }))!;
    assert.doesNotMatch(one.warnings.join(), /have ranks/);
  });

  it('writes files that can be read, and that give the same files again', async () => {
    const source = realFiles('adapters.safetensors');
    const once = (await squeezeBytes(pool, source, { rank: 4, split: 'b' }))!;
    assert.equal(await squeezeBytes(pool, once, { rank: 4 }), null);
    const twice = (await squeezeBytes(pool, once, { rank: 2 }))!;
    for (const [module, score] of scoreAdapter(oracle(source), oracle(twice)))
      assert.ok(score.actualError <= allowedError(score, 1e-6) + 1e-7, `${module}: ${score.actualError}`);
    const shapesOf = (bytes: Bytes) =>
      [...parseSafetensors(bytes.weights).tensors].map(([name, { shape }]) => [name, shape]);
    assert.deepEqual(
      shapesOf(twice),
      shapesOf(once).map(([name, shape]) => [
        name,
        (shape as number[]).map((size) => (size === 4 ? 2 : size)),
      ]),
    );
  });

  it('experts, embeddings and other tensors', async () => {
    const [experts, rank] = [3, 6];
    const made = Array.from({ length: experts }, (_, e) =>
      factorsWithSpectrum(
        20,
        24,
        Array.from({ length: rank }, (_, i) => (e + 1) / (i + 1)),
        10 * e,
      ),
    );
    const embedding = factorsWithSpectrum(16, 40, [5, 4, 3, 2, 1, 0.5], 90);
    const linear = factorsWithSpectrum(18, 22, [6, 3, 2, 1, 0.2, 0.1], 91);
    const stacks = {
      'model.layers.1.mlp.switch_mlp.up_proj.lora_a': stackOf(
        made.map(({ a }) => a),
        [experts, rank, 24],
      ),
      'model.layers.1.mlp.switch_mlp.up_proj.lora_b': stackOf(
        made.map(({ b }) => b),
        [experts, 20, rank],
      ),
    };
    const others = {
      'model.embed_tokens.lora_a': tensorOf(transpose(embedding.a)),
      'model.embed_tokens.lora_b': tensorOf(transpose(embedding.b)),
      'model.layers.0.self_attn.q_proj.lora_a': tensorOf(transpose(linear.a)),
      'model.layers.0.self_attn.q_proj.lora_b': tensorOf(transpose(linear.b)),
      'model.norm.weight': tensorOf(gaussianMatrix(1, 7, 5)),
    };
    const source = {
      weights: buildSafetensors({ ...others, ...stacks }, { format: 'mlx' }),
      config: configOf(),
    };
    const result = (await squeezeBytes(pool, source, { rank: 3 }))!;
    const [before, after] = [oracle(source), oracle(result)];
    assert.equal(before.modules.size, 5);
    for (const [module, score] of scoreAdapter(before, after))
      assert.ok(score.actualError <= allowedError(score, 1e-6) + 1e-7, `${module}: ${score.actualError}`);
    const { tensors, metadata } = parseSafetensors(result.weights);
    assert.deepEqual(tensors.get('model.layers.1.mlp.switch_mlp.up_proj.lora_a')!.shape, [experts, 3, 24]);
    assert.deepEqual(tensors.get('model.layers.1.mlp.switch_mlp.up_proj.lora_b')!.shape, [experts, 20, 3]);
    assert.deepEqual(tensors.get('model.embed_tokens.lora_a')!.shape, [40, 3]);
    const norm = 'model.norm.weight';
    assert.deepEqual(Buffer.from(tensors.get(norm)!.bytes), Buffer.from(others[norm].bytes));
    assert.equal(metadata.format, 'mlx');
    assert.ok(metadata['lora_squeeze.version']);

    // The older form of experts is the same numbers with one axis less.
    const flat = {
      ...stacks,
      'model.layers.1.mlp.switch_mlp.up_proj.lora_a': stackOf(
        made.map(({ a }) => a),
        [experts * rank, 24],
      ),
    };
    const older = {
      weights: buildSafetensors({ ...others, ...flat }, { format: 'mlx' }),
      config: configOf(),
    };
    const same = (await squeezeBytes(pool, older, { rank: 3 }))!;
    assert.deepEqual(same.weights, result.weights);
    assert.ok(same.warnings.some((warning) => /older versions/.test(warning)));
  });

  it('DoRA: the vectors are carried over unchanged', async () => {
    const linear = factorsWithSpectrum(18, 22, [6, 3, 2, 1, 0.2, 0.1], 91);
    const vector = tensorOf(gaussianMatrix(1, 18, 4));
    const source = {
      weights: buildSafetensors({
        'model.layers.0.self_attn.q_proj.lora_a': tensorOf(transpose(linear.a)),
        'model.layers.0.self_attn.q_proj.lora_b': tensorOf(transpose(linear.b)),
        'model.layers.0.self_attn.q_proj.m': vector,
      }),
      config: configOf({ fine_tune_type: 'dora' }),
    };
    const result = (await squeezeBytes(pool, source, { rank: 3 }))!;
    assert.ok(result.warnings.some((warning) => /^DoRA/.test(warning)));
    const { bytes } = parseSafetensors(result.weights).tensors.get('model.layers.0.self_attn.q_proj.m')!;
    assert.deepEqual(Buffer.from(bytes), Buffer.from(vector.bytes));
    assert.match(result.config!, /"fine_tune_type": *"dora"/);
  });

  it('any shapes, squeezed twice', async () => {
    const sizes = fc.record({
      m: fc.integer({ min: 3, max: 30 }),
      n: fc.integer({ min: 3, max: 30 }),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(sizes, { minLength: 1, maxLength: 3 }), async (modules) => {
        const tensors: Record<string, Tensor> = {};
        for (const [index, { m, n, seed }] of modules.entries()) {
          const { a, b } = factorsWithSpectrum(m, n, [3, 2, 1], seed);
          tensors[`model.layers.${index}.q.lora_a`] = tensorOf(transpose(a));
          tensors[`model.layers.${index}.q.lora_b`] = tensorOf(transpose(b));
        }
        const source = { weights: buildSafetensors(tensors), config: configOf() };
        const result = (await squeezeBytes(pool, source, { rank: 2 }))!;
        const smaller = (await squeezeBytes(pool, result, { rank: 1, scale: 'keep' }))!;
        for (const bytes of [result, smaller])
          for (const score of scoreAdapter(oracle(source), oracle(bytes)).values())
            assert.ok(score.actualError <= allowedError(score, 1e-6) + 1e-6, String(score.actualError));
      }),
      { numRuns: 15 },
    );
  });
});
