import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FormatName } from '../../../src/adapter/format-name.ts';
import { FORMATS } from '../../../src/formats/formats.ts';
import { readHeaders } from '../../../src/formats/read-adapter.ts';
import { inputOf, tensor } from './build.ts';

/** The format that recognises a file with these names, among all formats. */
const takes = (
  names: readonly string[],
  config?: Readonly<Record<string, unknown>>,
): FormatName | undefined => {
  const input = {
    ...inputOf(names.map((name) => tensor(name, [4, 4]))),
    configBytes: config ? Buffer.from(JSON.stringify(config)) : null,
  };
  return FORMATS.find(({ recognises }) => recognises(input))?.name;
};

describe('names of no format', () => {
  it('include torchtune’s own, whose scale is not stored: the message explains what to save instead', async () => {
    const names = ['layers.0.attn.q_proj.lora_a.weight', 'layers.0.attn.q_proj.lora_b.weight'];
    const input = { ...inputOf(names.map((name) => tensor(name, [4, 4]))), configBytes: null };
    await assert.rejects(readHeaders(input), {
      code: 'NO_LORA_TENSORS',
      message: /"layers\.0\.attn\.q_proj\.lora_a\.weight".*torchtune.*FullModelHFCheckpointer/,
    });
  });
});

describe('names of all formats', () => {
  const cases: readonly (readonly [FormatName, string])[] = [
    ['diffusers', 'unet.mid_block.attentions.0.to_q.lora_A.weight'],
    ['diffusers', 'transformer.blocks.0.to_q.lora_B.weight'],
    ['diffusers', 'diffusion_model.blocks.0.self_attn.q.lora_A.weight'],
    ['diffusers', 'mid_block.attn1.processor.to_q_lora.down.weight'],
    ['diffusers', 'text_encoder.text_model.encoder.layers.0.q_proj.lora_linear_layer.up.weight'],
    ['xlabs', 'double_blocks.0.processor.qkv_lora1.down.weight'],
    ['cloneofsimo', 'unet:0:up'],
  ];
  for (const [format, name] of cases)
    it(`${format} recognises ${name}`, () => assert.equal(takes([name]), format));

  it('none of the three formats recognises names of PEFT or kohya', () => {
    const mine = ['diffusers', 'xlabs', 'cloneofsimo'];
    for (const name of [
      'base_model.model.down_blocks.0.to_q.lora_A.weight',
      'lora_unet_down_blocks_0_to_q.lora_down.weight',
      'lora_te_text_model.alpha',
      'model.layers.0.self_attn.q_proj.lora_A.weight',
      // A transformer for images has blocks too.
      'blocks.0.attn.qkv.lora_A.default.weight',
    ]) {
      assert.ok(!mine.includes(takes([name]) ?? ''), name);
    }
    const config = { peft_type: 'LORA', r: 4, lora_alpha: 8, target_modules: ['to_q'] };
    assert.equal(
      takes(['down_blocks.0.to_q.lora_A.weight', 'down_blocks.0.to_q.lora_B.weight'], config),
      'peft',
    );
    assert.equal(takes(['transformer.h.0.attn.lora_A.weight'], config), 'peft');
  });
});
