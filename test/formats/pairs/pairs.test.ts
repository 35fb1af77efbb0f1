import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FormatName } from '../../../src/adapter/format-name.ts';
import { formatOfName } from '../../../src/formats/pairs/foreign-tensors.ts';
import { mostFrequent } from '../../../src/formats/pairs/most-frequent.ts';
import { readScalar, scalarTensor } from '../../../src/formats/pairs/scalar.ts';
import fc from '../../fast-check.ts';
import { decodeTensor } from '../../oracle/safetensors.ts';
import { refusal } from './build.ts';

describe('formatOfName', () => {
  const cases: readonly (readonly [name: string, format: FormatName | undefined])[] = [
    ['base_model.model.unet.to_q.lora_A.weight', 'peft'],
    ['base_model.model.x.lora_magnitude_vector', 'peft'],
    ['lora_unet_down_blocks_0.lora_down.weight', 'kohya'],
    ['lora_te2_text_model.alpha', 'kohya'],
    ['lycoris_blocks_0.hada_w1_a', 'kohya'],
    ['diffusion_model.blocks.0.q.lora_up.weight', 'kohya'],
    ['double_blocks.0.processor.qkv_lora1.down.weight', 'xlabs'],
    ['diffusion_model.single_blocks.3.processor.proj_lora.up.weight', 'xlabs'],
    ['unet:12:up', 'cloneofsimo'],
    ['model.layers.0.q_proj.lora_a', 'mlx'],
    ['transformer.x.lora_B.weight', 'diffusers'],
    ['transformer.x.lora_B.default.weight', 'diffusers'],
    ['unet.x.lora.down.weight', 'diffusers'],
    ['text_encoder.x.lora_linear_layer.up.weight', 'diffusers'],
    ['x.processor.to_out_lora.up.weight', 'diffusers'],
    ['x.processor.add_k_proj_lora.up.weight', 'diffusers'],
    ['transformer.x.alpha', undefined],
    ['score.weight', undefined],
    ['<s1>', undefined],
  ];
  for (const [name, format] of cases) it(name, () => assert.equal(formatOfName(name), format));
});

describe('a number in a tensor', () => {
  it('is written so that it can be read again, in its dtype if that represents it', async () => {
    const dtypes = fc.constantFrom('F16', 'BF16', 'F32', 'F64', 'I64', 'U8');
    const numbers = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.integer({ min: 0, max: 256 }),
      fc.integer({ min: 0, max: 1024 }).map((value) => value / 16),
    );
    await fc.assert(
      fc.asyncProperty(numbers, dtypes, async (value, asked) => {
        const { dtype, bytes } = scalarTensor(value, asked);
        assert.equal(decodeTensor({ dtype, shape: [], bytes })[0], value);
        assert.ok(dtype === asked || dtype === 'F32');
        const entry = { name: 'x.alpha', dtype, shape: [], beginByte: 0, endByte: bytes.length };
        assert.equal(await readScalar(entry, async () => bytes), value);
      }),
      { numRuns: 500 },
    );
  });

  it('stays float16 if possible, and never becomes an integer', () => {
    assert.equal(scalarTensor(2.5, 'F16').dtype, 'F16');
    assert.equal(scalarTensor(0.1, 'F16').dtype, 'F32');
    assert.equal(scalarTensor(1e6, 'F16').dtype, 'F32');
    assert.equal(scalarTensor(257, 'BF16').dtype, 'F32');
    assert.equal(scalarTensor(8, 'I64').dtype, 'F32');
  });

  it('is refused if it exceeds float32, instead of being written as infinity', async () => {
    const bytes = new Uint8Array(Float64Array.of(1e300).buffer);
    const entry = { name: 'x.alpha', dtype: 'F64', shape: [1], beginByte: 0, endByte: 8 };
    const error = await refusal(() => readScalar(entry, async () => bytes));
    assert.deepEqual([error.code, error.context.tensor], ['CONFIG_ALPHA', 'x.alpha']);
  });

  it('is read from an unaligned part of a larger buffer', async () => {
    const buffer = new Uint8Array(9);
    buffer.set(new Uint8Array(Float32Array.of(6).buffer), 3);
    const entry = { name: 'x.alpha', dtype: 'F32', shape: [], beginByte: 0, endByte: 4 };
    assert.equal(await readScalar(entry, async () => buffer.subarray(3, 7)), 6);
  });
});

describe('mostFrequent', () => {
  it('is the first of equally frequent values', () => {
    assert.equal(mostFrequent([3]), 3);
    assert.equal(mostFrequent([1, 2, 2, 3]), 2);
    assert.equal(mostFrequent([5, 4, 4, 5]), 5);
  });
});
