import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../src/compute/pool.ts';
import type { Target } from '../../src/contract/target.ts';
import { GGUF_ARCHITECTURES } from '../../src/formats/convert/gguf-architectures.ts';
import { type Bytes, squeezeToEach } from '../formats/squeezing-files.ts';
import type { Matrix } from '../oracle/linear-algebra.ts';
import { roundedTo } from './ggml-numbers.ts';
import { LlamaCpp } from './llama-cpp.ts';
import { adapterOf, quantisedAdapterOf, updatesOf } from './tiny-adapters.ts';
import { modelFile, weightsOf } from './tiny-model-file.ts';
import { TINY_MODELS, type TinyModel } from './tiny-models.ts';

/** The rank of the squeezed adapters; undefined: they are converted whole. */
const RANKS = [undefined, 3] as const;
const DTYPES = ['float32', 'float16'] as const;
/** Of the weights of the models. */
const TYPES = ['F32', 'F16', 'Q8_0'] as const;
const SCALES = [1, 0.5] as const;
/**
 * The largest difference between probabilities, as a share of what the adapter changes. An adapter without
 * one of its modules differs by 0.06 or more. The largest measured values: 2e-4 in float32 (GELU is a table
 * in ggml), 3e-3 if factors or weights are float16. With weights in Q8_0 ggml rounds activations too (0.04), and
 * a mixture may choose another expert.
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
      const targets = RANKS.flatMap((rank) => DTYPES.map((dtype) => ({ ...(rank && { rank }), dtype })));
      const files = await converted(pool, tiny, adapterOf(tiny), targets);
      for (const type of TYPES) {
        const weights = weightsOf(tiny).map((weight) => ({ ...weight, data: roundedTo(type, weight.data) }));
        await engine!.with(modelFile(tiny, weights, type), async (model) => {
          const plain = await engine!.probabilities(model);
          for (const [scale, rank] of SCALES.flatMap((one) => RANKS.map((other) => [one, other] as const))) {
            const expected = await merged(tiny, weights, updatesOf(tiny, rank), scale);
            for (const [index, dtype] of DTYPES.entries()) {
              const file = files[DTYPES.length * RANKS.indexOf(rank) + index]!;
              const found = await engine!.probabilities(model, { file, scale });
              const what = `${type}, ${dtype}, rank ${rank ?? 'unchanged'}, scale ${scale}`;
              near(found, expected, plain, limitOf(tiny, type, dtype), what);
            }
          }
        });
      }
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

function limitOf(
  { weights }: TinyModel,
  type: (typeof TYPES)[number],
  dtype: (typeof DTYPES)[number],
): number {
  if (type !== 'Q8_0') return type === 'F32' && dtype === 'float32' ? LIMITS.float32 : LIMITS.float16;
  return weights.some(({ experts }) => experts !== undefined) ? LIMITS.q8Mixture : LIMITS.q8;
}

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
function near(
  found: Float64Array,
  expected: Float64Array,
  plain: Float64Array,
  limit: number,
  what = '',
): void {
  const effect = distance(expected, plain);
  assert.ok(effect > 1e-3, `the adapter changes nothing: ${effect}`);
  const share = distance(found, expected) / effect;
  assert.ok(share <= limit, `${what}: ${share} of what the adapter changes, at most ${limit}`);
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
