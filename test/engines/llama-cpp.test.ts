import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../src/compute/pool.ts';
import type { Target } from '../../src/contract/target.ts';
import { GGUF_ARCHITECTURES } from '../../src/formats/convert/gguf-architectures.ts';
import { type Bytes, squeezeToEach } from '../formats/squeezing-files.ts';
import type { Matrix } from '../oracle/linear-algebra.ts';
import { roundedToQ8 } from './ggml-numbers.ts';
import { LlamaCpp } from './llama-cpp.ts';
import { adapterOf, quantisedAdapterOf, updatesOf } from './tiny-adapters.ts';
import { modelFile, weightsOf } from './tiny-model-file.ts';
import { TINY_MODELS, type TinyModel } from './tiny-models.ts';

const RANK = 3;
/**
 * The largest difference between probabilities, as a share of what the adapter changes. An adapter without
 * one of its modules differs by 0.06 or more. The largest measured values: 2e-4 in float32 (GELU is a table
 * in ggml), 3e-3 in float16. With weights in Q8_0 ggml rounds activations too (0.04), and a mixture may
 * choose another expert.
 */
const LIMITS = { float32: 1e-3, float16: 1e-2, q8: 0.1, q8Mixture: 0.5 };

const engine = await LlamaCpp.start();
const skip = engine ? false : 'the npm registry has no library of node-llama-cpp for this machine';

describe('llama.cpp: a model with an adapter equals the model with merged weights', { skip }, () => {
  let pool: ComputePool;
  before(async () => {
    pool = await ComputePool.start('cpu', 1);
  });
  after(async () => {
    await pool.close();
    await engine!.close();
  });

  it('for every architecture that conversions support', () => {
    assert.deepEqual(
      TINY_MODELS.map(({ architecture }) => architecture),
      GGUF_ARCHITECTURES,
    );
  });

  for (const tiny of TINY_MODELS) {
    it(tiny.architecture, async () => {
      const targets = [{}, { rank: RANK }, { rank: RANK, dtype: 'float16' }];
      const [whole, squeezed, halves] = await converted(pool, tiny, adapterOf(tiny), targets);
      const weights = weightsOf(tiny);
      const [all, best] = [updatesOf(tiny), updatesOf(tiny, RANK)];
      const full = await merged(tiny, weights, best);
      await engine!.with(modelFile(tiny, weights, 'F32'), async (model) => {
        const plain = await engine!.probabilities(model);
        const check = async (file: Uint8Array, scale: number, expected: Float64Array, limit: number) =>
          near(await engine!.probabilities(model, { file, scale }), expected, plain, limit);
        await check(whole!, 1, await merged(tiny, weights, all), LIMITS.float32);
        await check(squeezed!, 1, full, LIMITS.float32);
        await check(squeezed!, 0.5, await merged(tiny, weights, best, 0.5), LIMITS.float32);
        await check(halves!, 1, full, LIMITS.float16);
      });
      await engine!.with(modelFile(tiny, weights, 'Q8_0'), async (model) => {
        const expected = await merged(tiny, weights.map(rounded), best);
        const found = await engine!.probabilities(model, { file: squeezed!, scale: 1 });
        const isMixture = tiny.weights.some(({ experts }) => experts !== undefined);
        const limit = isMixture ? LIMITS.q8Mixture : LIMITS.q8;
        near(found, expected, await engine!.probabilities(model), limit);
      });
    });
  }

  it('for an adapter in Q8_0, and for results made from it', async () => {
    const tiny = TINY_MODELS.find(({ architecture }) => architecture === 'qwen2')!;
    const { source, updates } = quantisedAdapterOf(tiny);
    const [result] = await squeezeToEach(pool, source, [{ format: 'gguf', dtype: 'float32' }]);
    const weights = weightsOf(tiny);
    const expected = await merged(tiny, weights, updates);
    await engine!.with(modelFile(tiny, weights, 'F32'), async (model) => {
      const plain = await engine!.probabilities(model);
      const ask = (file: Uint8Array) => engine!.probabilities(model, { file, scale: 1 });
      near(await ask(source.weights), expected, plain, LIMITS.q8);
      near(await ask(result!.weights), expected, plain, LIMITS.float32);
    });
  });

  it('unless a module is missing, which the test detects', async () => {
    const tiny = TINY_MODELS[0]!;
    const [whole] = await converted(pool, tiny, adapterOf(tiny), [{}]);
    const [weights, updates] = [weightsOf(tiny), updatesOf(tiny)];
    await engine!.with(modelFile(tiny, weights, 'F32'), async (model) => {
      const plain = await engine!.probabilities(model);
      const found = await engine!.probabilities(model, { file: whole!, scale: 1 });
      for (const [missing, { name }] of tiny.weights.entries()) {
        const others = updates.map((update, index) => (index === missing ? zero(update) : update));
        const expected = await merged(tiny, weights, others);
        assert.throws(() => near(found, expected, plain, 0.05), assert.AssertionError, name);
      }
    });
  });
});

const rounded = (weight: Matrix): Matrix => ({ ...weight, data: roundedToQ8(weight.data) });
const zero = (update: Matrix): Matrix => ({ ...update, data: update.data.map(() => 0) });

/** The engine's probabilities for the model with weight + scale·update, stored in its file in float32. */
function merged(tiny: TinyModel, weights: readonly Matrix[], updates: readonly Matrix[], scale = 1) {
  const sums = weights.map((weight, index) => ({
    ...weight,
    data: weight.data.map((value, at) => value + scale * updates[index]!.data[at]!),
  }));
  return engine!.with(modelFile(tiny, sums, 'F32'), (model) => engine!.probabilities(model));
}

/** @param plain the probabilities without an adapter, for the size of its effect */
function near(found: Float64Array, expected: Float64Array, plain: Float64Array, limit: number): void {
  const effect = distance(expected, plain);
  assert.ok(effect > 1e-3, `the adapter changes nothing: ${effect}`);
  const share = distance(found, expected) / effect;
  assert.ok(share <= limit, `${share} of what the adapter changes, at most ${limit}`);
}

/** The largest difference between two probabilities. */
const distance = (one: Float64Array, other: Float64Array): number =>
  one.reduce((most, value, at) => Math.max(most, Math.abs(value - other[at]!)), 0);

/** The GGUF files of targets with the given options. */
async function converted(
  pool: ComputePool,
  { architecture, heads }: TinyModel,
  source: Bytes,
  targets: readonly object[],
): Promise<Uint8Array[]> {
  const format = { format: 'gguf', format_options: { architecture, ...heads } };
  const results = await squeezeToEach(
    pool,
    source,
    targets.map((target) => ({ ...target, ...format }) as Target),
  );
  return results.map((result) => result!.weights);
}
