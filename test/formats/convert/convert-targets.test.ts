import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FORMAT_NAMES, type FormatName } from '../../../src/adapter/format-name.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { convertAdapter } from '../../../src/formats/convert/convert-adapter.ts';
import { convertTargets } from '../../../src/formats/convert/convert-targets.ts';
import { buildAdapter, LLAMA } from './build-adapter.ts';

/** Modules of some models of each format. */
const SAMPLES: Readonly<Record<Exclude<FormatName, 'cloneofsimo'>, readonly string[]>> = {
  peft: ['mid_block.attentions.0.proj_in', 'model.layers.0.self_attn.q_proj'],
  diffusers: ['unet.mid_block.attentions.0.proj_in', 'diffusion_model.double_blocks.0.img_attn.qkv'],
  kohya: ['lora_unet_mid_block_attentions_0_proj_in', 'lora_unet_double_blocks_0_img_attn_qkv'],
  xlabs: ['double_blocks.0.processor.qkv_lora1'],
  mlx: ['model.layers.0.self_attn.q_proj'],
  gguf: ['blk.0.attn_q'],
};

const names = FORMAT_NAMES.filter((name) => name !== 'cloneofsimo');

/** Whether one of the samples can be converted. */
const isConverted = (from: Exclude<FormatName, 'cloneofsimo'>, to: FormatName, options = LLAMA): boolean =>
  SAMPLES[from].some((name) => {
    const config = from === 'gguf' ? { 'general.architecture': 'llama' } : {};
    try {
      return convertAdapter(buildAdapter(from, [name], { config }), to, options).format === to;
    } catch (error) {
      assert.ok(error instanceof AppError && error.code === 'FORMAT_NOT_CONVERTIBLE', String(error));
      return false;
    }
  });

describe('the table of possible conversions', () => {
  it('contains exactly those that exist', () => {
    for (const from of names) {
      const targets = convertTargets(from).map(({ format }) => format);
      const found = FORMAT_NAMES.filter((to) => to !== from && isConverted(from, to));
      assert.deepEqual(targets, found, from);
    }
    assert.deepEqual(convertTargets('cloneofsimo'), []);
  });

  it('states what each conversion requires', () => {
    for (const from of names) {
      for (const { format, needs, takes } of convertTargets(from)) {
        assert.equal(new Set([...needs, ...takes]).size, needs.length + takes.length, 'none twice');
        for (const option of needs)
          assert.equal(
            isConverted(from, format, { ...LLAMA, [option]: undefined }),
            false,
            `${from} ${format} ${option}`,
          );
        if (from === 'gguf' || format === 'gguf') {
          assert.ok(takes.includes('heads'));
          assert.equal(isConverted(from, format, { ...LLAMA, heads: undefined }), false);
        }
      }
    }
  });

  it('states limits in sentences, each once', () => {
    for (const from of names) {
      for (const { limits } of convertTargets(from)) {
        assert.equal(new Set(limits).size, limits.length);
        for (const limit of limits) assert.match(limit, /^\S.*\.$/);
      }
    }
  });
});
