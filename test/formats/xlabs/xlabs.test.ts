import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { XLABS } from '../../../src/formats/xlabs/xlabs.ts';
import fc from '../../fast-check.ts';
import {
  float32Scalar,
  inputOf,
  planOf,
  read,
  refusal,
  reread,
  shapesOf,
  type TensorSource,
  tensor,
} from '../pairs/build.ts';

const DIM = 6;

/** One layer of an attention processor; a fused QKV has three times the rows. */
const layer = (name: string, rank: number, dtype = 'F32', n = DIM): TensorSource[] => [
  tensor(`${name}.down.weight`, [rank, n], dtype),
  tensor(`${name}.up.weight`, [name.includes('qkv') ? 3 * DIM : DIM, rank], dtype),
];
const double = (block: number, rank: number): TensorSource[] =>
  ['qkv_lora1', 'proj_lora1', 'qkv_lora2', 'proj_lora2'].flatMap((part) =>
    layer(`double_blocks.${block}.processor.${part}`, rank),
  );

describe('XLabs', () => {
  it('is read with fused QKV and scale 1', async () => {
    const single = layer('single_blocks.3.processor.qkv_lora', 2, 'BF16');
    const adapter = await read(XLABS, [
      ...double(0, 4),
      ...single,
      ...layer('single_blocks.3.processor.proj_lora', 2, 'F16', 5 * DIM),
      tensor('ip_adapter.norm.scale', [3]),
    ]);
    assert.deepEqual(
      adapter.modules.map(({ name, kind, rank, m, n, scale }) => [name, kind, rank, m, n, scale]),
      [
        ['double_blocks.0.processor.proj_lora1', 'linear', 4, DIM, DIM, 1],
        ['double_blocks.0.processor.proj_lora2', 'linear', 4, DIM, DIM, 1],
        ['double_blocks.0.processor.qkv_lora1', 'linear', 4, 3 * DIM, DIM, 1],
        ['double_blocks.0.processor.qkv_lora2', 'linear', 4, 3 * DIM, DIM, 1],
        ['single_blocks.3.processor.proj_lora', 'linear', 2, DIM, 5 * DIM, 1],
        ['single_blocks.3.processor.qkv_lora', 'linear', 2, 3 * DIM, DIM, 1],
      ],
    );
    assert.deepEqual(
      [adapter.alpha, adapter.configRank, adapter.passthrough.map(({ name }) => name), adapter.warnings],
      [4, 4, ['ip_adapter.norm.scale'], []],
    );
  });

  it('is read with names that begin with the component, as some tools write them', async () => {
    const file = layer('diffusion_model.double_blocks.0.processor.qkv_lora1', 4);
    assert.ok(XLABS.recognises(inputOf(file)));
    assert.equal(
      (await read(XLABS, file)).modules[0]!.name,
      'diffusion_model.double_blocks.0.processor.qkv_lora1',
    );
  });

  it('recognises only its own names, and no folder with a configuration', () => {
    const own = inputOf(double(0, 4));
    assert.ok(XLABS.recognises(own));
    assert.equal(XLABS.recognises({ ...own, configBytes: new Uint8Array() }), false);
    assert.equal(XLABS.recognises({ header: null, gguf: null, configBytes: null }), false);
    for (const name of [
      'unet.mid_block.attn1.processor.to_q_lora.down.weight',
      'transformer.double_blocks.0.img_attn.qkv.lora_A.weight',
      'lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight',
      'double_blocks.0.processor.qkv_lora3.down.weight',
      'double_blocks.00.processor.qkv_lora1.down.weight',
    ]) {
      assert.equal(XLABS.recognises(inputOf([tensor(name, [4, 4])])), false, name);
    }
  });

  it('is written with its own names, and with scales folded', async () => {
    const adapter = await read(XLABS, double(0, 4), { note: 'kept' });
    const provenance = new Map([['lora_squeeze.version', '1']]);
    const plan = planOf(XLABS, adapter, 'fold', () => 2, { provenance, dtype: 'F16' });
    assert.equal(plan.weightsName, 'lora.safetensors');
    assert.deepEqual([...plan.files], []);
    assert.deepEqual(Object.fromEntries(plan.metadata), { note: 'kept', 'lora_squeeze.version': '1' });
    assert.deepEqual(
      plan.tensors.map(({ name, dtype, shape, source }) => [name, dtype, shape, source.kind]).slice(-2),
      [
        ['double_blocks.0.processor.qkv_lora2.down.weight', 'F16', [2, DIM], 'factor'],
        ['double_blocks.0.processor.qkv_lora2.up.weight', 'F16', [3 * DIM, 2], 'factor'],
      ],
    );
    assert.deepEqual(
      planOf(XLABS, adapter, 'fold', () => 4).tensors.map(({ source }) => source.kind),
      Array.from({ length: 8 }, () => 'copy'),
    );
  });

  it('cannot store a scale', async () => {
    const adapter = await read(XLABS, double(0, 4));
    const scaled = { ...adapter, modules: adapter.modules.map((module) => ({ ...module, scale: 2 })) };
    for (const [given, scale] of [
      [adapter, 'sqrt'],
      [scaled, 'keep'],
      [scaled, 'sqrt'],
    ] as const) {
      const error = await refusal(() => planOf(XLABS, given, scale, () => 1));
      assert.deepEqual(
        [error.code, error.context.module, error.context.format],
        ['FORMAT_NEEDS_FOLD', 'double_blocks.0.processor.proj_lora1', 'xlabs'],
      );
    }
    planOf(XLABS, adapter, 'keep', () => 1);
    planOf(XLABS, adapter, 'sqrt');
    const folded = planOf(XLABS, scaled, 'fold');
    assert.ok(folded.tensors.every(({ source }) => source.kind === 'factor'));
    assert.throws(() => planOf(XLABS, adapter, 'fold', () => 5), RangeError);
  });

  it('refuses unknown tensors, by name', async () => {
    const own = double(0, 4);
    const cases: readonly (readonly [TensorSource[], code: string])[] = [
      [[...own, layer('double_blocks.1.processor.qkv_lora1', 4)[0]!], 'LORA_UNPAIRED'],
      [[...own, float32Scalar('double_blocks.0.processor.qkv_lora1.alpha', 4)], 'UNSUPPORTED_LORA_VARIANT'],
      [
        [...own, tensor('double_blocks.0.processor.other_lora.down.weight', [4, 4])],
        'UNSUPPORTED_LORA_VARIANT',
      ],
      [[...own, tensor('transformer.x.lora_A.weight', [4, 4])], 'FORMAT_MIXED'],
      [[...own, tensor('lora_unet_x.lora_down.weight', [4, 4])], 'FORMAT_MIXED'],
      [[...own, tensor('unet:0:up', [4, 4])], 'FORMAT_MIXED'],
    ];
    for (const [tensors, code] of cases) {
      const error = await refusal(() => read(XLABS, tensors));
      const last = tensors.at(-1)!.name;
      assert.deepEqual([error.code, error.context.tensor], [code, last]);
      assert.ok(error.message.includes(last));
    }
  });

  it('is unchanged after writing, reading and writing again', async () => {
    const part = fc.constantFrom(
      'double_blocks.0.processor.qkv_lora1',
      'single_blocks.7.processor.proj_lora',
    );
    const file = fc.uniqueArray(
      fc.record({
        block: fc.nat({ max: 56 }),
        part,
        rank: fc.integer({ min: 1, max: 6 }),
        dtype: fc.constantFrom('F32', 'F16', 'BF16'),
      }),
      { minLength: 1, maxLength: 6, selector: ({ block, part: name }) => `${block} ${name}` },
    );
    await fc.assert(
      fc.asyncProperty(
        file,
        fc.dictionary(fc.stringMatching(/^[a-z.]{1,8}$/), fc.string({ unit: 'grapheme' })),
        async (layers, metadata) => {
          const tensors = layers.flatMap(({ block, part: name, rank, dtype }) =>
            layer(name.replace(/\d+/, String(block)), rank, dtype),
          );
          const adapter = await read(XLABS, tensors, metadata);
          const once = planOf(XLABS, adapter, 'fold');
          const again = await reread(XLABS, once);
          assert.deepEqual(shapesOf(again), shapesOf(adapter));
          const twice = planOf(XLABS, again, 'keep');
          assert.deepEqual(twice.layout, once.layout);
        },
      ),
      { numRuns: 60 },
    );
  });
});
