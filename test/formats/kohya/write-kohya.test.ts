import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Adapter, OutputPlan, OutputTensor, ScaleMode } from '../../../src/adapter/adapter.ts';
import { KOHYA } from '../../../src/formats/kohya/kohya.ts';
import fc from '../../fast-check.ts';
import { buildSafetensors, decodeTensor, type Tensor } from '../../oracle/safetensors.ts';
import { refusal } from '../peft/build.ts';
import {
  adapterOf,
  alphaTensor,
  inputOf,
  pair,
  planFolded,
  planOf,
  type Tensors,
  zeros,
  zerosOf,
} from './build.ts';

const half = (_: string, rank: number): number => Math.max(1, rank >> 1);

const tensorIn = (output: OutputPlan, name: string): OutputTensor => {
  const found = output.tensors.find((tensor) => tensor.name === name);
  assert.ok(found, `${name} is not written`);
  return found;
};

const bytesOf = ({ dtype, shape, source }: OutputTensor): Tensor =>
  source.kind === 'bytes' ? { dtype, shape, bytes: source.bytes } : zeros(shape, dtype);

/** The alpha as written. */
function alphaIn(output: OutputPlan, module: string): number {
  const tensor = tensorIn(output, `${module}.alpha`);
  return decodeTensor(bytesOf(tensor))[0]!;
}

/** The plan as a file with factors of zeros, read again. */
const reread = async ({ tensors, metadata }: OutputPlan): Promise<Adapter> => {
  const file = buildSafetensors(
    Object.fromEntries(tensors.map((tensor) => [tensor.name, bytesOf(tensor)])),
    Object.fromEntries(metadata),
  );
  return (await KOHYA.read(inputOf(file))).adapter;
};

describe('kohya output: tensors', () => {
  it('keeps names, dtypes and numbers of dimensions', async () => {
    const adapter = await adapterOf({
      ...pair('lora_te_a', 4, { dtype: 'BF16' }),
      ...pair('lora_unet_b', 6, { kernel: [3, 3], m: 9, n: 5 }),
      ...zerosOf('lora_unet_norm', { w_norm: [7] }),
    });
    const output = planOf(adapter, half);
    const tensors = Object.fromEntries(
      output.tensors.map(({ name, dtype, shape }) => [name, [dtype, shape]]),
    );
    assert.deepEqual(tensors, {
      'lora_te_a.lora_down.weight': ['BF16', [2, 10]],
      'lora_te_a.lora_up.weight': ['BF16', [12, 2]],
      'lora_unet_b.lora_down.weight': ['F16', [3, 5, 3, 3]],
      'lora_unet_b.lora_up.weight': ['F16', [9, 3, 1, 1]],
      'lora_unet_norm.w_norm': ['F16', [7]],
    });
    assert.equal(output.weightsName, 'lora.safetensors');
    assert.equal(output.files.size, 0);
    assert.equal(tensorIn(output, 'lora_unet_norm.w_norm').source.kind, 'copy');
    assert.equal(tensorIn(output, 'lora_te_a.lora_up.weight').source.kind, 'factor');
  });

  it('copies unchanged modules, and computes those whose scale is folded', async () => {
    const adapter = await adapterOf({
      ...pair('lora_te_a', 4, { alpha: 4 }),
      ...pair('lora_te_b', 4, { alpha: 2 }),
    });
    const kinds = (scale: ScaleMode) => {
      const output = planOf(adapter, (_, rank) => rank, scale);
      return ['a', 'b'].map((one) => tensorIn(output, `lora_te_${one}.lora_down.weight`).source.kind);
    };
    assert.deepEqual(kinds('fold'), ['copy', 'factor']);
    assert.deepEqual(kinds('keep'), ['copy', 'copy']);
  });

  it('writes an adapter that was converted to this format', async () => {
    const { modules, ...rest } = await adapterOf(pair('lora_te_a', 4));
    const [module] = modules;
    const converted: Adapter = {
      ...rest,
      metadata: new Map(),
      modules: [{ ...module!, scale: 2, alpha: { name: 'lora_te_a.alpha', dtype: 'F16', shape: [] } }],
    };
    assert.deepEqual(
      [
        alphaIn(
          planOf(converted, () => 2, 'keep'),
          'lora_te_a',
        ),
        alphaIn(
          planOf(converted, () => 2),
          'lora_te_a',
        ),
      ],
      [4, 2],
    );
    const expert = { ...module!, expert: { index: 0, count: 2 } };
    assert.throws(() => planOf({ ...converted, modules: [expert] }, () => 2), RangeError);
  });
});

describe('kohya output: alphas', () => {
  const uneven = () =>
    adapterOf({
      ...pair('lora_te_a', 4, { alpha: 1 }),
      ...pair('lora_te_b', 8, { alpha: 4 }),
      ...pair('lora_te_c', 6),
    });

  it('fold: alpha is the rank, if the source had an alpha', async () => {
    const output = planOf(await uneven(), half);
    assert.deepEqual([alphaIn(output, 'lora_te_a'), alphaIn(output, 'lora_te_b')], [2, 4]);
    assert.ok(!output.tensors.some(({ name }) => name === 'lora_te_c.alpha'));
  });

  it('folding leaves one alpha for all modules, the smallest rank', async () => {
    const adapter = await uneven();
    const output = planFolded(adapter, half);
    assert.deepEqual(
      ['a', 'b', 'c'].map((one) => alphaIn(output, `lora_te_${one}`)),
      [2, 2, 2],
    );
    assert.equal(output.metadata.get('ss_network_alpha'), '2');
    const { modules } = await reread(output);
    assert.deepEqual(
      modules.map(({ scale }) => scale),
      [1, 1 / 2, 2 / 3],
    );
    // With one rank, the scale is 1.
    const even = planFolded(adapter, () => 2);
    assert.ok(!even.tensors.some(({ name }) => name === 'lora_te_c.alpha'));
    assert.deepEqual([alphaIn(even, 'lora_te_a'), alphaIn(even, 'lora_te_b')], [2, 2]);
  });

  it('keep: alpha / rank stays; sqrt: it grows', async () => {
    const adapter = await uneven();
    const kept = planOf(adapter, half, 'keep');
    assert.deepEqual([alphaIn(kept, 'lora_te_a'), alphaIn(kept, 'lora_te_b')], [0.5, 2]);
    assert.ok(!kept.tensors.some(({ name }) => name === 'lora_te_c.alpha'));
    const grown = planOf(adapter, half, 'sqrt');
    assert.equal(alphaIn(grown, 'lora_te_a'), Math.fround((1 / 4) * Math.sqrt(2) * 2));
    // a source without alpha would be read with scale 1
    assert.equal(alphaIn(grown, 'lora_te_c'), Math.fround(Math.sqrt(2) * 3));
    assert.equal(tensorIn(grown, 'lora_te_c.alpha').dtype, 'F32');
  });

  it('keeps dtype and shape of the alpha, unless the dtype cannot hold the number', async () => {
    const whole = { dtype: 'I64', shape: [1], bytes: new Uint8Array(BigInt64Array.of(6n).buffer) };
    const adapter = await adapterOf({ ...pair('lora_te_a', 4), 'lora_te_a.alpha': whole });
    const alphaAt = (rank: number) => {
      const { dtype, shape } = tensorIn(
        planOf(adapter, () => rank, 'keep'),
        'lora_te_a.alpha',
      );
      return [dtype, shape];
    };
    assert.deepEqual(alphaAt(2), ['I64', [1]]);
    assert.deepEqual(alphaAt(1), ['F32', [1]]);
    assert.equal(
      alphaIn(
        planOf(adapter, () => 1, 'keep'),
        'lora_te_a',
      ),
      1.5,
    );
  });

  it('an alpha of 0 becomes the rank that it stood for', async () => {
    const adapter = await adapterOf(pair('lora_te_a', 4, { alpha: 0 }));
    assert.equal(
      alphaIn(
        planOf(adapter, (_, rank) => rank, 'keep'),
        'lora_te_a',
      ),
      4,
    );
  });

  it('parts of a split projection share one, and must agree', async () => {
    const parts = (i: number): Tensors => ({
      [`lora_unet_q.lora_down.${i}.weight`]: zeros([4, 10]),
      [`lora_unet_q.lora_up.${i}.weight`]: zeros([5, 4]),
    });
    const adapter = await adapterOf({ ...parts(0), ...parts(1), 'lora_unet_q.alpha': alphaTensor(2) });
    const output = planOf(adapter, () => 2);
    assert.equal(alphaIn(output, 'lora_unet_q'), 2);
    assert.deepEqual(tensorIn(output, 'lora_unet_q.lora_down.1.weight').shape, [2, 10]);
    assert.equal((await reread(output)).modules.length, 2);
    const error = refusal(() => planOf(adapter, (name) => (name.endsWith('.0') ? 1 : 2)));
    assert.equal(error.code, 'UNSUPPORTED_LORA_VARIANT');
    assert.match(error.message, /lora_unet_q\.alpha.*uniform/);
    assert.equal(
      alphaIn(
        planFolded(adapter, (name) => (name.endsWith('.0') ? 1 : 2)),
        'lora_unet_q',
      ),
      1,
    );
  });
});

describe('kohya output: metadata', () => {
  const metadataOf = async (
    tensors: Tensors,
    source: Readonly<Record<string, string>>,
    rankOf: (name: string, rank: number) => number = half,
    scale: ScaleMode = 'fold',
  ) =>
    Object.fromEntries(
      planOf(await adapterOf(tensors, source), rankOf, scale, new Map([['made', 'x']])).metadata,
    );

  it('has the new rank and alpha; the rest is unchanged', async () => {
    const source = {
      ss_network_dim: '4',
      ss_network_alpha: '2.0',
      ss_network_module: 'networks.lora',
      ss_network_args: 'null',
      ss_training_comment: 'mine',
      sshs_model_hash: 'a'.repeat(64),
      'modelspec.hash_sha256': '0xaa',
      'modelspec.title': 'cat',
    };
    const { sshs_model_hash, sshs_legacy_hash, ...folded } = await metadataOf(
      pair('lora_te_a', 4, { alpha: 2 }),
      source,
    );
    const { sshs_model_hash: _, 'modelspec.hash_sha256': __, ...rest } = source;
    assert.deepEqual(folded, { ...rest, ss_network_dim: '2', ss_network_alpha: '2.0', made: 'x' });
    assert.deepEqual([sshs_model_hash!.length, sshs_legacy_hash!.length], [64, 8]);
    const kept = await metadataOf(pair('lora_te_a', 4, { alpha: 2 }), source, half, 'keep');
    assert.equal(kept.ss_network_alpha, '1');
  });

  it('is Dynamic if they differ', async () => {
    const tensors = { ...pair('lora_te_a', 4), ...pair('lora_te_b', 8) };
    const metadata = await metadataOf(tensors, {});
    assert.deepEqual([metadata.ss_network_dim, metadata.ss_network_alpha], ['Dynamic', 'Dynamic']);
    const capped = await metadataOf(tensors, {}, () => 3);
    assert.deepEqual([capped.ss_network_dim, capped.ss_network_alpha], ['3', '3']);
  });

  it('writes an alpha with few digits', async () => {
    const tensors = { ...pair('lora_te_a', 4), 'lora_te_a.alpha': alphaTensor(0.4) };
    assert.equal((await metadataOf(tensors, {}, half, 'keep')).ss_network_alpha, '0.2');
    assert.equal((await metadataOf(tensors, {}, () => 3, 'keep')).ss_network_alpha, '0.3');
  });

  it('has separate ranks of convolutions if the trainer wrote them', async () => {
    const tensors = {
      ...pair('lora_unet_a', 8, { alpha: 4 }),
      ...pair('lora_unet_b', 8, { alpha: 4, kernel: [1, 1] }),
      ...pair('lora_unet_c', 4, { alpha: 1, kernel: [3, 3] }),
    };
    const args = JSON.stringify({ conv_dim: '4', conv_alpha: '1', algo: 'locon', dropout: 0.1 });
    const metadata = await metadataOf(tensors, { ss_network_args: args }, half, 'keep');
    assert.deepEqual([metadata.ss_network_dim, metadata.ss_network_alpha], ['4', '2']);
    assert.deepEqual(JSON.parse(metadata.ss_network_args!), {
      conv_dim: '2',
      conv_alpha: '0.5',
      algo: 'locon',
      dropout: 0.1,
    });
    const same = await metadataOf(tensors, { ss_network_args: args }, (_, rank) => rank, 'keep');
    assert.equal(same.ss_network_args, args);
    const numbers = await metadataOf(tensors, { ss_network_args: '{"conv_dim":4}' });
    assert.equal(numbers.ss_network_args, '{"conv_dim":2}');
  });

  it('keeps arguments unchanged that could not be written again in the same form', async () => {
    const tensors = pair('lora_unet_c', 4, { alpha: 1, kernel: [3, 3] });
    for (const args of [
      `{"conv_dim":4,"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      '{"conv_dim":4,"conv_dim":8}',
      '{"conv_dim":4,"seed":12345678901234567891}',
      '{"conv_dim":4,"__proto__":{"conv_alpha":1}}',
    ])
      assert.equal((await metadataOf(tensors, { ss_network_args: args })).ss_network_args, args);
  });

  it('no longer claims LoHa for what is now LoRA', async () => {
    const shapes = { hada_w1_a: [12, 2], hada_w1_b: [2, 10], hada_w2_a: [12, 2], hada_w2_b: [2, 10] };
    const args = '{"algo":"loha","use_tucker":"True"}';
    const metadata = await metadataOf(zerosOf('lora_unet_a', shapes), { ss_network_args: args });
    assert.deepEqual(JSON.parse(metadata.ss_network_args!), { algo: 'lora', use_tucker: 'True' });
  });
});

describe('kohya output: written, read, written', () => {
  const modules = fc.uniqueArray(
    fc.record({
      // The name __proto__ of a tensor is refused earlier.
      name: fc.stringMatching(/^[a-z0-9_]{1,12}$/).filter((name) => name !== '__proto__'),
      prefix: fc.constantFrom('lora_unet_', 'lora_te1_', 'lycoris_', 'diffusion_model.'),
      rank: fc.integer({ min: 1, max: 9 }),
      kernel: fc.constantFrom([], [1, 1], [3, 3]),
      alpha: fc.option(
        fc.oneof(fc.integer({ min: -64, max: 64 }), fc.float({ min: 2 ** -10, max: 1000, noNaN: true })),
        {
          nil: undefined,
        },
      ),
      dtype: fc.constantFrom('F16', 'BF16', 'F32'),
    }),
    { minLength: 1, maxLength: 5, selector: ({ name, prefix }) => prefix + name },
  );

  it('is unchanged, at any ranks and scale', async () => {
    await fc.assert(
      fc.asyncProperty(
        modules,
        fc.nat(7),
        fc.constantFrom<ScaleMode>('fold', 'keep'),
        async (made, cut, scale) => {
          const tensors = Object.assign(
            {},
            ...made.map(({ name, prefix, rank, kernel, alpha, dtype }) =>
              pair(prefix + name, rank, { kernel, dtype, ...(alpha === undefined ? {} : { alpha }) }),
            ),
          );
          const first = planOf(
            await adapterOf(tensors, { ss_network_dim: '9' }),
            (_, rank) => Math.max(1, rank - cut),
            scale,
          );
          const second = planOf(await reread(first), (_, rank) => rank, scale);
          assert.deepEqual(
            second.tensors.map(({ source: _, ...tensor }) => tensor),
            first.tensors.map(({ source: _, ...tensor }) => tensor),
          );
          for (const [index, { source }] of first.tensors.entries()) {
            const again = second.tensors[index]!.source;
            if (source.kind === 'bytes') assert.deepEqual(again, source);
            else assert.equal(again.kind, 'copy');
          }
          assert.deepEqual(second.metadata, first.metadata);
          assert.deepEqual(second.layout, first.layout);
        },
      ),
      { numRuns: 200 },
    );
  });
});
