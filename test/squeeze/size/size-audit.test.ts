import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { auditSize, sizeOfAdapter } from '../../../src/adapter/size-audit.ts';
import { classOf, SavedModules } from '../../../src/adapter/tensor-class.ts';
import { adapterOf, linear, tensor } from '../../formats/peft/build.ts';

describe('the kind of a carried tensor', () => {
  const rows: readonly (readonly [name: string, saved: string[], expected: string])[] = [
    ['base_model.model.score.weight', [], 'heads'],
    ['base_model.model.lm_head.weight', [], 'heads'],
    ['base_model.model.classifier.dense.bias', ['classifier'], 'heads'],
    ['base_model.model.my_own_module.weight', ['my_own_module'], 'heads'],
    ['base_model.model.my_own_module.weight', ['module'], 'other'],
    ['base_model.model.model.embed_tokens.weight', ['embed_tokens'], 'embeddings'],
    ['base_model.model.model.embed_tokens.base_layer.weight', [], 'base_layers'],
    ['base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta', [], 'embeddings'],
    ['base_model.model.transformer.wte.weight', [], 'embeddings'],
    ['bundle_emb.word.string_to_param.*', [], 'embeddings'],
    ['base_model.model.layers.0.q_proj.bias', [], 'biases'],
    ['base_model.model.layers.0.q_proj.lora_B.bias', [], 'biases'],
    ['base_model.model.lm_head.lora_B.bias', ['lm_head'], 'biases'],
    ['lora_unet_x.diff_b', [], 'biases'],
    ['base_model.model.layers.0.q_proj.lora_magnitude_vector', [], 'magnitudes'],
    ['lora_unet_x.dora_scale', [], 'magnitudes'],
    ['base_model.model.layers.0.norm.weight', [], 'other'],
    ['base_model.model.scoreboard.weight', [], 'other'],
  ];
  for (const [name, saved, expected] of rows) {
    it(`${name} ${saved}: ${expected}`, () => {
      assert.equal(classOf({ name }, new SavedModules({ modules_to_save: saved })), expected);
    });
  }

  it('depends on whole parts of the path', () => {
    const saved = new SavedModules({ modules_to_save: ['score', 'a.score', 'core', 'weight'] });
    assert.deepEqual(saved.of('b.a.score.out.weight'), ['a.score', 'score']);
    assert.deepEqual(saved.of('weight'), []);
    assert.deepEqual(new SavedModules({}).of('a.score.weight'), []);
  });
});

describe('the size of an adapter', () => {
  it('counts tensors and bytes of every kind, in a fixed order', () => {
    const adapter = adapterOf(
      [
        tensor('score.weight', [2, 8], 'F64'),
        ...linear('q', 4, 16, 32, 'BF16'),
        tensor('q.lora_magnitude_vector', [16]),
        tensor('q.bias', [16]),
        tensor('norm.weight', [3], 'I8'),
      ],
      { use_dora: true },
    );
    assert.deepEqual(sizeOfAdapter(adapter), [
      { what: 'lora', tensors: 2, bytes: 2 * 4 * (16 + 32) },
      { what: 'heads', tensors: 1, bytes: 128 },
      { what: 'biases', tensors: 1, bytes: 64 },
      { what: 'magnitudes', tensors: 1, bytes: 64 },
      { what: 'other', tensors: 1, bytes: 3 },
    ]);
  });

  it('counts a tensor that experts share once, with all its bytes', () => {
    const adapter = adapterOf(linear('mlp.experts', 12, 16, 8), { target_parameters: ['experts.w'] });
    assert.equal(adapter.modules.length, 3);
    assert.deepEqual(sizeOfAdapter(adapter), [{ what: 'lora', tensors: 2, bytes: 4 * 12 * (16 + 8) }]);
  });

  it('counts an alpha that parts of a projection share once, in its own dtype', () => {
    const [q, k] = [...adapterOf([...linear('q', 4), ...linear('k', 4)]).modules];
    const shared = (dtype: string) => ({
      ...adapterOf(linear('q', 4)),
      modules: [q!, k!].map((module) => ({ ...module, alpha: { name: 'qk.alpha', dtype, shape: [] } })),
    });
    const factors = 2 * 4 * 4 * (16 + 32);
    assert.deepEqual(sizeOfAdapter(shared('F32')), [{ what: 'lora', tensors: 5, bytes: factors + 4 }]);
    assert.deepEqual(sizeOfAdapter(shared('I16')), [{ what: 'lora', tensors: 5, bytes: factors + 2 }]);
    assert.deepEqual(sizeOfAdapter(shared('U64')), [{ what: 'lora', tensors: 5, bytes: factors + 8 }]);
  });

  it('counts every other tensor as LoRA', () => {
    const parts = auditSize([{ name: 'x.alpha', bytes: 4 }], { passthrough: [], config: {} });
    assert.deepEqual(parts, [{ what: 'lora', tensors: 1, bytes: 4 }]);
  });
});
