import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PEFT } from '../../../src/formats/peft/peft.ts';
import type { TensorSpec } from '../../../src/safetensors/layout.ts';
import { adapterOf, headerOf, linear, tensor } from './build.ts';

const kohya = [{ name: 'lora_unet_x.lora_down.weight', dtype: 'F16', shape: [4, 8] }];

describe('recognising files of PEFT', () => {
  const rows: readonly (readonly [what: string, config: string, tensors: TensorSpec[], expected: boolean])[] =
    [
      ['a LoRA', '{"peft_type":"LORA"}', linear('q', 4), true],
      ['another method of PEFT, to be refused by its name', '{"peft_type":"VERA"}', linear('q', 4), true],
      ['peft_type with weights of another trainer', '{"peft_type":"LORA"}', kohya, true],
      ['peft_type missing, weights of PEFT', '{"r":4}', linear('q', 4), true],
      ['peft_type missing, weights of another trainer', '{"r":4}', kohya, false],
      ['what cannot be read', '{', linear('q', 4), true],
      ['MLX', '{"fine_tune_type":"lora","num_layers":8}', linear('q', 4), false],
      ['MLX of the first releases', '{"lora_parameters":{"rank":8}}', linear('q', 4), false],
    ];
  for (const [what, config, tensors, expected] of rows) {
    it(`${what}: ${expected}`, () => {
      const input = { header: headerOf(tensors), gguf: null, configBytes: Buffer.from(config) };
      assert.equal(PEFT.recognises(input), expected);
    });
  }

  it('weights without a configuration: false', () => {
    assert.equal(PEFT.recognises({ header: headerOf(linear('q', 4)), gguf: null, configBytes: null }), false);
  });
});

describe('warnings that every result gets', () => {
  it('concern DoRA: which part is squeezed and which is carried over', () => {
    const [warning] = adapterOf([...linear('q', 4), tensor('q.lora_magnitude_vector', [16])], {
      use_dora: true,
    }).warnings;
    assert.match(warning!, /update ΔW is squeezed.*\(1 vectors\) are carried over unchanged/);
  });

  it('concern factors that an embedding and a head share', () => {
    const embedding = [tensor('e.lora_embedding_A', [4, 9]), tensor('e.lora_embedding_B', [8, 4])];
    const config = { ensure_weight_tying: true };
    assert.match(adapterOf(embedding, config).warnings.join(), /ensure_weight_tying/);
    assert.deepEqual(adapterOf(linear('q', 4), config).warnings, []);
  });

  it('concern initialisations that change the base weights, and no others', () => {
    for (const init of ['pissa', 'pissa_niter_4', 'olora', 'corda', 'loftq', 'lora_ga'])
      assert.match(adapterOf(linear('q', 4), { init_lora_weights: init }).warnings.join(), /base weights/);
    for (const init of [true, false, 'gaussian', 'eva', 'orthogonal', 'mica'])
      assert.deepEqual(adapterOf(linear('q', 4), { init_lora_weights: init }).warnings, []);
  });

  it('do not concern fields that only choose modules or repeat layers, which are carried over', () => {
    const fields = {
      layers_to_transform: [0],
      layers_pattern: 'layers',
      layer_replication: [
        [0, 4],
        [2, 5],
      ],
    };
    const { warnings, config } = adapterOf(linear('layers.6.q', 4), fields);
    assert.deepEqual(warnings, []);
    assert.deepEqual(config.layer_replication, fields.layer_replication);
  });
});
