import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FORMATS } from '../../src/formats/formats.ts';
import { foreignFormatOf } from '../../src/formats/pairs/foreign-tensors.ts';
import { configOf as mlxConfig } from './mlx/build.ts';
import { inputOf, refusal, type TensorSource, tensor } from './pairs/build.ts';
import { PREFIX, configOf as peftConfig } from './peft/build.ts';

type Family = 'peft' | 'mlx' | 'kohya' | 'diffusers' | 'xlabs' | 'cloneofsimo';

const LAYER = 'double_blocks.0.processor.qkv_lora1';
const number = (name: string): TensorSource => ({ name, dtype: 'F32', shape: [], bytes: new Uint8Array(4) });

/** A whole adapter of one module in each form. */
const WHOLE: readonly (readonly [
  what: string,
  family: Family,
  tensors: TensorSource[],
  config?: Uint8Array,
])[] = [
  [
    'PEFT',
    'peft',
    [tensor(`${PREFIX}q.lora_A.weight`, [4, 8]), tensor(`${PREFIX}q.lora_B.weight`, [8, 4])],
    peftConfig(),
  ],
  ['MLX', 'mlx', [tensor('l.q.lora_a', [8, 4]), tensor('l.q.lora_b', [4, 8])], mlxConfig()],
  [
    'kohya',
    'kohya',
    [
      tensor('lora_unet_x.lora_down.weight', [4, 8]),
      tensor('lora_unet_x.lora_up.weight', [8, 4]),
      number('lora_unet_x.alpha'),
    ],
  ],
  [
    'kohya, without its prefix',
    'kohya',
    [tensor('unet.y.lora_down.weight', [4, 8]), tensor('unet.y.lora_up.weight', [8, 4])],
  ],
  [
    'LoHa',
    'kohya',
    ['w1_a', 'w1_b', 'w2_a', 'w2_b'].map((part) => tensor(`lora_unet_h.hada_${part}`, [4, 4])),
  ],
  ['LoKr', 'kohya', ['w1', 'w2'].map((part) => tensor(`lora_unet_k.lokr_${part}`, [4, 4]))],
  ['a difference', 'kohya', [tensor('lora_unet_z.diff', [8, 8])]],
  [
    'diffusers',
    'diffusers',
    [tensor('unet.d.lora.down.weight', [4, 8]), tensor('unet.d.lora.up.weight', [8, 4])],
  ],
  [
    'diffusers, with names of PEFT',
    'diffusers',
    [tensor('unet.p.lora_A.weight', [4, 8]), tensor('unet.p.lora_B.weight', [8, 4])],
  ],
  ['XLabs', 'xlabs', [tensor(`${LAYER}.down.weight`, [4, 8]), tensor(`${LAYER}.up.weight`, [8, 4])]],
  ['cloneofsimo', 'cloneofsimo', [tensor('unet:5:down', [4, 8]), tensor('unet:5:up', [8, 4])]],
];

/**
 * Tensors of no format, or half of one. `own`: the formats of which they are an ordinary part, or that refuse
 * them as their own.
 */
const PARTS: readonly (readonly [what: string, own: Family | null, tensors: TensorSource[]])[] = [
  ['an alpha of kohya', 'kohya', [number('lora_unet_q.alpha')]],
  ['half a pair of cloneofsimo', 'cloneofsimo', [tensor('unet:6:down', [4, 8])]],
  ['half a pair of MLX', 'mlx', [tensor('l.k.lora_a', [8, 4])]],
  ['an unknown layer of a processor', null, [tensor('x.other_lora.down.weight', [4, 8])]],
  ['LoHa without a prefix', 'kohya', [tensor('l.v.hada_w1_a', [8, 4])]],
  ['LoKr without a prefix', 'kohya', [tensor('l.v.lokr_w1', [4, 4])]],
  ['OFT', null, [tensor('l.v.oft_R.weight', [4, 8])]],
  ['BOFT', null, [tensor('l.v.boft_R', [4, 8])]],
  ['Sam_LoRA', null, [tensor('w_a_000', [4, 8]), tensor('w_b_000', [8, 4])]],
  ['IA3', null, [tensor('l.v.ia3_l', [8, 1])]],
  ['VeRA', null, [tensor('l.v.vera_lambda_b', [8])]],
  ['HRA', null, [tensor('l.v.hra_u', [8, 4])]],
  ['VB-LoRA', null, [tensor('l.v.vblora_logits_A', [4, 8])]],
];

async function refusedByName(tensors: readonly TensorSource[], config?: Uint8Array): Promise<void> {
  const input = { ...inputOf(tensors), configBytes: config ?? null };
  const format = FORMATS.find(({ recognises }) => recognises(input));
  const { code, message, context } = await refusal(() => format!.read(input));
  assert.ok(['FORMAT_MIXED', 'UNSUPPORTED_LORA_VARIANT'].includes(code), `${code}: ${message}`);
  const named = tensors.find(({ name }) => name === context.tensor);
  assert.ok(named && message.includes(`"${named.name}"`), message);
}

describe('half an adapter is never read as a whole one', () => {
  for (const [what, family, tensors, config] of WHOLE) {
    it(`${what} alone is read`, async () => {
      const input = { ...inputOf(tensors), configBytes: config ?? null };
      const { adapter } = await FORMATS.find(({ name }) => name === family)!.read(input);
      assert.deepEqual([adapter.modules.length, adapter.passthrough], [1, []]);
    });

    for (const [other, otherFamily, more] of WHOLE) {
      // Without its prefix a name of PEFT may belong to diffusers; with PEFT's configuration it belongs to
      // PEFT.
      const isPeft = family === 'peft' && more.some(({ name }) => /lora_[AB]/.test(name));
      if (otherFamily === family || isPeft) continue;
      it(`${what} with ${other} is refused`, () => refusedByName([...tensors, ...more], config));
    }

    for (const [other, own, more] of PARTS) {
      if (own === family) continue;
      it(`${what} with ${other} is refused`, () => refusedByName([...tensors, ...more], config));
    }
  }
});

describe('tensors that belong to no format are carried over', () => {
  const names = [
    'score.weight',
    'classifier.modules_to_save.default.bias',
    'model.layers.0.mlp.base_layer.weight',
    'model.embed_tokens.token_adapter.trainable_tokens_delta',
    'model.layers.0.attn.w_lora.lora.0.weight',
    'oft.weight',
    'text_model.road.weight',
    'unet.y.alpha_proj.weight',
    '<s1>',
  ];
  for (const format of ['peft', 'mlx', 'kohya', 'diffusers', 'xlabs', 'cloneofsimo'] as const)
    it(`in files of ${format}`, () => {
      for (const name of names) assert.equal(foreignFormatOf(format, name), undefined, name);
    });

  it('and in files of PEFT if their own names look like those of others', async () => {
    const input = inputOf([
      ...WHOLE[0]![2],
      ...names.slice(0, 4).map((name) => tensor(`${PREFIX}${name}`, [4])),
      tensor(`${PREFIX}q.lora_magnitude_vector`, [8]),
      tensor('q.lora_B.bias', [8]),
    ]);
    const { adapter } = await FORMATS.find(({ name }) => name === 'peft')!.read({
      ...input,
      configBytes: peftConfig({ use_dora: true }),
    });
    assert.equal(adapter.passthrough.length, 6);
  });
});
