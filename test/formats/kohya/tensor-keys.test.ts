import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { alphaNameOf, isKohyaName, readKohyaKey } from '../../../src/formats/kohya/tensor-keys.ts';

const part = (module: string, algorithm: string, part: string) => ({ role: 'part', module, algorithm, part });

describe('names of kohya and LyCORIS', () => {
  const KNOWN: Readonly<Record<string, object>> = {
    'lora_unet_a_b.lora_down.weight': part('lora_unet_a_b', 'lora', 'down'),
    'lora_te_a.lora_up.weight': part('lora_te_a', 'lora', 'up'),
    'lora_te3_a.lora_mid.weight': part('lora_te3_a', 'lora', 'mid'),
    'lora_prior_unet_a.lora_down': part('lora_prior_unet_a', 'lora', 'down'),
    'lora_unet_qkv.lora_down.2.weight': part('lora_unet_qkv.2', 'lora', 'down'),
    'lycoris_a.hada_w1_a': part('lycoris_a', 'loha', 'w1_a'),
    'lycoris_a.hada_t2': part('lycoris_a', 'loha', 't2'),
    'lycoris_a.lokr_w1': part('lycoris_a', 'lokr', 'w1'),
    'lycoris_a.lokr_w2_b': part('lycoris_a', 'lokr', 'w2_b'),
    'lora_unet_a.diff': part('lora_unet_a', 'full', 'diff'),
    'diffusion_model.blocks.0.q.lora_down.weight': part('diffusion_model.blocks.0.q', 'lora', 'down'),
    'lora_unet_a.alpha': { role: 'alpha', module: 'lora_unet_a' },
    'lora_unet_a.dora_scale': { role: 'magnitude', module: 'lora_unet_a' },
    'lora_unet_a.diff_b': { role: 'carried', module: 'lora_unet_a' },
    'lora_unet_norm.w_norm': { role: 'carried', module: 'lora_unet_norm' },
    'bundle_emb.cat.string_to_param.*': { role: 'other', module: 'bundle_emb.cat.string_to_param.*' },
    'lora_unet_a.oft_blocks': { role: 'unsupported', algorithm: 'OFT' },
    'lora_unet_a.a1.weight': { role: 'unsupported', algorithm: 'GLoRA' },
    'lora_unet_a.on_input': { role: 'unsupported', algorithm: 'IA3' },
    'lora_unet_a.lora_left.weight': { role: 'unknown-lora' },
    'lora_unet_a.scalar': { role: 'scalar', module: 'lora_unet_a' },
    'lora_unet_a.gate': { role: 'unknown-lora' },
    'unet.a.lora_A.weight': { role: 'foreign', what: 'the format diffusers' },
    'unet.a.lora.down.weight': { role: 'foreign', what: 'the format diffusers' },
    'unet.a.processor.to_q_lora.up.weight': { role: 'foreign', what: 'the format diffusers' },
    'model.layers.0.q_proj.lora_a': { role: 'foreign', what: 'the format mlx' },
    'score.weight': { role: 'other', module: 'score' },
    bare: { role: 'other', module: '' },
  };
  for (const [name, key] of Object.entries(KNOWN)) {
    it(`${name} is recognised`, () => assert.deepEqual(readKohyaKey(name), key));
  }

  it('any of which identify a file of kohya', () => {
    for (const name of [
      'lora_unet_a.lora_down.weight',
      'lora_te1_a.alpha',
      'lycoris_a.oft_blocks',
      'lora_unet_norm.w_norm',
      'transformer.a.lokr_w1',
      'input_blocks_1_1_proj_in.lora_up.weight',
    ])
      assert.ok(isKohyaName(name), name);
    for (const name of [
      'base_model.model.a.lora_A.weight',
      'base_model.model.a.hada_w1_a',
      'unet.a.lora.down.weight',
      'transformer.a.alpha',
      'double_blocks.0.processor.qkv_lora1.down.weight',
      'unet:0:up',
      'model.weight',
      'norm.diff',
    ])
      assert.ok(!isKohyaName(name), name);
  });

  it("give the name of a factor's alpha, one for all parts of a split projection", () => {
    assert.equal(alphaNameOf('lora_unet_a.lora_down.weight'), 'lora_unet_a.alpha');
    assert.equal(alphaNameOf('lora_unet_a.lora_up'), 'lora_unet_a.alpha');
    assert.equal(alphaNameOf('lora_unet_a.lora_down.1.weight'), 'lora_unet_a.alpha');
  });
});
