import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Adapter, OutputPlan, ScaleMode } from '../../../src/adapter/adapter.ts';
import { DIFFUSERS } from '../../../src/formats/diffusers/diffusers.ts';
import { decodeTensor } from '../../oracle/safetensors.ts';
import {
  float32Scalar,
  planOf,
  read,
  refusal,
  reread,
  type TensorSource,
  tensor,
  writtenTensors,
} from '../pairs/build.ts';
import { conv, linear, packed } from './build.ts';
import { loadedByDiffusers } from './diffusers-oracle.ts';

const alphasIn = (plan: OutputPlan): Record<string, number> =>
  Object.fromEntries(
    writtenTensors(plan)
      .filter(({ bytes }) => bytes)
      .map((one) => [one.name, decodeTensor({ ...one, bytes: one.bytes! })[0]!]),
  );
const metadataIn = ({ metadata }: OutputPlan): Record<string, unknown> | undefined => {
  const text = metadata.get('lora_adapter_metadata');
  return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
};
const loaded = (plan: OutputPlan, component: string) =>
  Object.fromEntries(
    [...loadedByDiffusers(writtenTensors(plan), Object.fromEntries(plan.metadata), component)].map(
      ([path, { rank, scale }]) => [path, [rank, scale]],
    ),
  );

const plain = (...ranks: readonly number[]): TensorSource[] =>
  ranks.flatMap((rank, index) => linear(`transformer.blocks.${index}.to_q`, rank));
const withAlphas = (...alphas: readonly number[]): TensorSource[] => [
  ...plain(...alphas.map(() => 8)),
  ...alphas.map((alpha, index) => float32Scalar(`transformer.blocks.${index}.to_q.alpha`, alpha)),
];
const config = {
  'transformer.r': 8,
  'transformer.lora_alpha': 16,
  'transformer.target_modules': ['to_q'],
  'transformer.rank_pattern': {},
  'transformer.alpha_pattern': {},
};
const rankOf = (name: string): number => (name.includes('.0.') ? 2 : 4);

describe('a file of diffusers with neither alphas nor metadata', () => {
  it('stays without them while ranks are equal', async () => {
    const plan = planOf(DIFFUSERS, await read(DIFFUSERS, plain(8, 8)), 'fold', () => 4);
    assert.equal(plan.weightsName, 'pytorch_lora_weights.safetensors');
    assert.deepEqual([...plan.files], []);
    assert.deepEqual([alphasIn(plan), [...plan.metadata]], [{}, [['format', 'pt']]]);
    assert.deepEqual(
      plan.tensors.map(({ name, shape }) => [name, shape]),
      [0, 1].flatMap((index) => [
        [`transformer.blocks.${index}.to_q.lora_A.weight`, [4, 20]],
        [`transformer.blocks.${index}.to_q.lora_B.weight`, [12, 4]],
      ]),
    );
    assert.deepEqual(loaded(plan, 'transformer'), { 'blocks.0.to_q': [4, 1], 'blocks.1.to_q': [4, 1] });
  });

  it('gets metadata if ranks differ, because diffusers would apply wrong scales', async () => {
    const before = await read(DIFFUSERS, [...plain(8, 8), ...linear('text_encoder.fc1', 8)]);
    for (const scale of ['fold', 'keep'] as const) {
      const plan = planOf(DIFFUSERS, before, scale, rankOf);
      assert.deepEqual(alphasIn(plan), {});
      assert.deepEqual(loaded(plan, 'transformer'), { 'blocks.0.to_q': [2, 1], 'blocks.1.to_q': [4, 1] });
      assert.deepEqual(loaded(plan, 'text_encoder'), { fc1: [4, 1] });
      assert.equal(metadataIn(plan)!['transformer.use_dora'], false);
      assert.deepEqual(metadataIn(plan)!['text_encoder.target_modules'], ['fc1']);
      assert.deepEqual((await reread(DIFFUSERS, plan)).warnings, []);
    }
  });

  it('mentions DoRA in its new metadata', async () => {
    const dora = [0, 1].map((index) =>
      tensor(`transformer.blocks.${index}.to_q.lora_magnitude_vector`, [12]),
    );
    const before = await read(DIFFUSERS, [...plain(8, 8), ...linear('text_encoder.fc1', 8), ...dora]);
    const written = metadataIn(planOf(DIFFUSERS, before, 'fold', rankOf))!;
    assert.deepEqual([written['transformer.use_dora'], written['text_encoder.use_dora']], [true, false]);
  });

  it('with the names of original models gets no metadata, because diffusers would fail on it', async () => {
    const names = [0, 1].flatMap((index) => linear(`diffusion_model.blocks.${index}.q`, 8));
    const plan = planOf(DIFFUSERS, await read(DIFFUSERS, names), 'fold', rankOf);
    assert.deepEqual([alphasIn(plan), metadataIn(plan)], [{}, undefined]);
  });

  it('gets alphas if a scale remains', async () => {
    const plan = planOf(DIFFUSERS, await read(DIFFUSERS, plain(8, 8)), 'sqrt', rankOf);
    const [first, second] = [2, Math.sqrt(2)];
    const [alpha0, alpha1] = [2 * first, Math.fround(4 * second)];
    assert.deepEqual(alphasIn(plan), {
      'transformer.blocks.0.to_q.alpha': alpha0,
      'transformer.blocks.1.to_q.alpha': alpha1,
    });
    assert.equal(metadataIn(plan), undefined);
    assert.deepEqual(loaded(plan, 'transformer'), {
      'blocks.0.to_q': [2, first],
      'blocks.1.to_q': [4, alpha1 / 4],
    });
  });

  it('with older names gets alphas that can be read again', async () => {
    const file = [
      ...linear('unet.a', 8, 'lora'),
      ...linear('text_encoder.b', 8, 'text'),
      tensor('unet.c.processor.to_out_lora.down.weight', [8, 9]),
      tensor('unet.c.processor.to_out_lora.up.weight', [9, 8]),
    ];
    const plan = planOf(DIFFUSERS, await read(DIFFUSERS, file), 'sqrt', () => 2);
    assert.deepEqual(Object.keys(alphasIn(plan)), [
      'text_encoder.b.alpha',
      'unet.a.alpha',
      'unet.c.processor.to_out_lora.alpha',
    ]);
    const again = await reread(DIFFUSERS, plan);
    assert.deepEqual(
      again.modules.map(({ name, scale }) => [name, scale]),
      [
        ['text_encoder.b', 2],
        ['unet.a', 2],
        ['unet.c.to_out.0', 2],
      ],
    );
  });
});

describe('a file of diffusers with alphas', () => {
  const written = async (scale: ScaleMode) =>
    planOf(DIFFUSERS, await read(DIFFUSERS, withAlphas(4, 16)), scale, rankOf);

  it('fold: alpha = rank', async () => {
    const plan = await written('fold');
    assert.deepEqual(Object.values(alphasIn(plan)), [2, 4]);
    assert.deepEqual(loaded(plan, 'transformer'), { 'blocks.0.to_q': [2, 1], 'blocks.1.to_q': [4, 1] });
  });

  it('gets alphas as floats that represent them exactly, in their shape', async () => {
    const plan = await written('keep');
    assert.deepEqual(Object.values(alphasIn(plan)), [1, 8]);
    assert.deepEqual(loaded(plan, 'transformer'), { 'blocks.0.to_q': [2, 0.5], 'blocks.1.to_q': [4, 2] });
    assert.equal(metadataIn(plan), undefined);
  });

  it('sqrt: the scale grows', async () => {
    assert.deepEqual(loaded(await written('sqrt'), 'transformer')['blocks.0.to_q'], [2, 1]);
  });

  it('writes alphas as floats that hold them, in their shape', async () => {
    const alpha = (dtype: string, bytes: Uint8Array): TensorSource => ({
      name: 'transformer.blocks.0.to_q.alpha',
      dtype,
      shape: [1],
      bytes,
    });
    const cases: readonly (readonly [TensorSource, rank: number, dtype: string])[] = [
      [alpha('F16', new Uint8Array(Uint16Array.of(0x4400).buffer)), 2, 'F16'],
      [alpha('BF16', new Uint8Array(Uint16Array.of(0x4080).buffer)), 2, 'BF16'],
      // 0.4 · 3 = 1.2 is not representable in float16
      [alpha('F16', new Uint8Array(Uint16Array.of(0x4a66).buffer)), 3, 'F32'],
      [alpha('I64', new Uint8Array(BigInt64Array.of(4n).buffer)), 3, 'F32'],
      [alpha('F64', new Uint8Array(Float64Array.of(4).buffer)), 2, 'F32'],
    ];
    for (const [one, rank, dtype] of cases) {
      const before = await read(DIFFUSERS, [...plain(8), one]);
      const plan = planOf(DIFFUSERS, before, 'keep', () => rank);
      const found = plan.tensors.find(({ name }) => name.endsWith('.alpha'))!;
      assert.deepEqual([found.dtype, found.shape], [dtype, [1]]);
      const [module] = (await reread(DIFFUSERS, plan)).modules;
      assert.ok(Math.abs(module!.scale / before.modules[0]!.scale - 1) < 1e-7);
    }
  });

  it('gets missing alphas', async () => {
    const before = await read(DIFFUSERS, withAlphas(4, 16).slice(0, -1));
    const plan = planOf(DIFFUSERS, before, 'keep');
    assert.deepEqual(Object.values(alphasIn(plan)), [4, 8]);
    assert.deepEqual((await reread(DIFFUSERS, plan)).warnings, []);
  });
});

describe('a file of diffusers with metadata', () => {
  const file = [...plain(8, 8), ...linear('text_encoder.fc1', 8), ...conv('transformer.proj', 8)];
  const fields = {
    'transformer.zzz': { untouched: [1, 2.5, null, 'x'] },
    ...config,
    'transformer.init_lora_weights': 'pissa',
    'text_encoder.r': 8,
    'text_encoder.lora_alpha': 16,
    'text_encoder.use_rslora': true,
    'text_encoder.rank_pattern': {},
    'text_encoder.target_modules': ['fc1'],
  };
  const written = async (scale: ScaleMode) =>
    planOf(DIFFUSERS, await read(DIFFUSERS, file, packed(fields)), scale, rankOf);

  it('has ranks and scales of every component, and everything else unchanged', async () => {
    const expected = {
      fold: { 'blocks.0.to_q': [2, 1], 'blocks.1.to_q': [4, 1], proj: [4, 1] },
      keep: { 'blocks.0.to_q': [2, 2], 'blocks.1.to_q': [4, 2], proj: [4, 2] },
      sqrt: {
        'blocks.0.to_q': [2, 4],
        'blocks.1.to_q': [4, 2 * Math.SQRT2],
        proj: [4, 2 * Math.SQRT2],
      },
    } as const;
    for (const scale of ['fold', 'keep', 'sqrt'] as const) {
      const plan = await written(scale);
      const metadata = metadataIn(plan)!;
      assert.deepEqual(alphasIn(plan), {});
      assert.deepEqual(loaded(plan, 'transformer'), expected[scale]);
      const [rank, text] = loaded(plan, 'text_encoder').fc1!;
      const before = 16 / Math.sqrt(8);
      const left = { fold: 1, keep: before, sqrt: before * Math.SQRT2 }[scale];
      assert.equal(rank, 4);
      assert.ok(Math.abs(text! / left - 1) < 1e-12);
      assert.equal(metadata['text_encoder.use_rslora'], scale !== 'fold');
      assert.deepEqual(metadata['transformer.zzz'], fields['transformer.zzz']);
      assert.deepEqual(Object.keys(metadata).slice(0, 2), ['transformer.zzz', 'transformer.r']);
      assert.equal(metadata['transformer.init_lora_weights'], true);
      const again = await reread(DIFFUSERS, plan);
      for (const { name, scale: s } of again.modules) {
        const [component, path] = [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)];
        assert.equal(s, loaded(plan, component)[path]![1]);
      }
    }
  });

  it('gets fields of a component that were missing', async () => {
    const before = await read(DIFFUSERS, file, packed(config));
    const plan = planOf(DIFFUSERS, before, 'fold', rankOf);
    assert.deepEqual(loaded(plan, 'text_encoder'), { fc1: [4, 1] });
    assert.deepEqual((await reread(DIFFUSERS, plan)).warnings, []);
  });

  it('without components keeps fields without components', async () => {
    const before = await read(DIFFUSERS, [...linear('a.to_q', 8), ...linear('b.to_q', 8)], {
      ...packed({ r: 8, lora_alpha: 4, rank_pattern: {}, target_modules: ['to_q'] }),
      other: 'kept',
    });
    const plan = planOf(DIFFUSERS, before, 'keep', (name) => (name.startsWith('a') ? 1 : 2));
    assert.deepEqual(loaded(plan, ''), { 'a.to_q': [1, 0.5], 'b.to_q': [2, 0.5] });
    assert.equal(plan.metadata.get('other'), 'kept');
  });

  it('and alphas gets both, and they agree', async () => {
    const before = await read(DIFFUSERS, withAlphas(16, 16), packed(config));
    const plan = planOf(DIFFUSERS, before, 'keep', rankOf);
    assert.deepEqual(Object.values(alphasIn(plan)), [4, 8]);
    assert.deepEqual(
      (await reread(DIFFUSERS, plan)).modules.map(({ scale }) => scale),
      [2, 2],
    );
  });

  it('is refused if it would be too large to be read again', async () => {
    const many = Array.from({ length: 3000 }, (_, index) =>
      linear(`transformer.${'x'.repeat(400)}.${index}`, 8),
    ).flat();
    const before = await read(DIFFUSERS, many, packed(config));
    const error = await refusal(() =>
      planOf(DIFFUSERS, before, 'fold', (name) => 1 + (name.charCodeAt(name.length - 1) % 2)),
    );
    assert.equal(error.code, 'CONFIG_TOO_LARGE');
    assert.match(error.message, /lora_adapter_metadata of transformer/);
  });
});

describe('the writer of diffusers', () => {
  it('computes only what changes', async () => {
    const before = await read(DIFFUSERS, withAlphas(8, 16));
    const kinds = (plan: OutputPlan) => plan.tensors.map(({ source }) => source.kind);
    const all = { copy: ['copy', 'copy', 'bytes'], factor: ['factor', 'factor', 'bytes'] };
    assert.deepEqual(kinds(planOf(DIFFUSERS, before, 'keep')), [...all.copy, ...all.copy]);
    assert.deepEqual(kinds(planOf(DIFFUSERS, before, 'fold')), [...all.copy, ...all.factor]);
    assert.deepEqual(kinds(planOf(DIFFUSERS, before, 'keep', undefined, { dtype: 'F16' })), [
      ...all.factor,
      ...all.factor,
    ]);
  });

  it('carries other tensors over, and adds the origin of the file', async () => {
    const extra = [tensor('unet.x.magnitude', [12]), tensor('emb', [3, 3], 'F64')];
    const before = await read(DIFFUSERS, [...linear('unet.x', 8), ...extra], { trained_with: 'sd-trainer' });
    const provenance = new Map([['lora_squeeze.version', '1']]);
    const plan = planOf(DIFFUSERS, before, 'fold', () => 2, { provenance });
    assert.deepEqual(
      plan.tensors.slice(2).map(({ name, dtype, shape, source }) => [name, dtype, shape, source.kind]),
      [
        ['emb', 'F64', [3, 3], 'copy'],
        ['unet.x.magnitude', 'F32', [12], 'copy'],
      ],
    );
    assert.deepEqual(Object.fromEntries(plan.metadata), {
      format: 'pt',
      trained_with: 'sd-trainer',
      'lora_squeeze.version': '1',
    });
  });

  it('changes a bias by the scale that it shares', async () => {
    const name = 'transformer.blocks.0.to_q.lora_B.bias';
    const bias = tensor(name, [12]);
    const multiplierOf = ({ tensors }: OutputPlan) => {
      const { source } = tensors.find((one) => one.name === name)!;
      assert.ok(source.kind === 'copy');
      return source.entry.multiplier;
    };
    const scaled = await read(DIFFUSERS, [...withAlphas(16), bias]);
    const { scale } = scaled.modules.find((module) => module.name === 'transformer.blocks.0.to_q')!;
    assert.notEqual(scale, 1);
    assert.equal(multiplierOf(planOf(DIFFUSERS, scaled, 'fold', () => 2)), scale);
    assert.equal(multiplierOf(planOf(DIFFUSERS, scaled, 'keep', () => 2)), undefined);
    // Folding a scale of 1 changes nothing.
    const plainOne = await read(DIFFUSERS, [...plain(8), bias]);
    assert.equal(multiplierOf(planOf(DIFFUSERS, plainOne, 'fold', () => 2)), undefined);
  });

  it('writes converted adapters: its own names and alphas, whatever the names of the modules', async () => {
    const like = await read(DIFFUSERS, [...linear('unet.a', 8), ...linear('unet.b', 8)]);
    const converted: Adapter = {
      ...like,
      modules: like.modules.map((module, index) => ({
        ...module,
        name: `lora_unet_${index}`,
        scale: 2,
        alpha: { name: `${module.name}.alpha`, dtype: 'F32', shape: [] },
      })),
      metadata: new Map(),
    };
    const kept = planOf(DIFFUSERS, converted, 'keep', () => 4);
    assert.deepEqual(alphasIn(kept), { 'unet.a.alpha': 8, 'unet.b.alpha': 8 });
    const bare = { ...converted, modules: converted.modules.map(({ alpha: _, ...module }) => module) };
    assert.deepEqual(alphasIn(planOf(DIFFUSERS, bare, 'keep', () => 4)), {
      'unet.a.alpha': 8,
      'unet.b.alpha': 8,
    });
    assert.deepEqual(alphasIn(planOf(DIFFUSERS, bare, 'fold', () => 4)), {});
    const uneven = planOf(DIFFUSERS, bare, 'fold', (name) => (name.endsWith('0') ? 2 : 4));
    assert.deepEqual(loaded(uneven, 'unet'), { a: [2, 1], b: [4, 1] });
  });

  it('refuses wrong calls', async () => {
    const adapter = await read(DIFFUSERS, plain(8));
    assert.throws(() => DIFFUSERS.plan(adapter, [], { scale: 'fold', provenance: new Map() }), RangeError);
    assert.throws(() => planOf(DIFFUSERS, adapter, 'fold', () => 9), RangeError);
    const [module] = adapter.modules;
    const strange = { ...adapter, modules: [{ ...module!, a: { ...module!.a, name: 'x.lora_a' } }] };
    assert.throws(() => planOf(DIFFUSERS, strange, 'fold'), RangeError);
  });
});
