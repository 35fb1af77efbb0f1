import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { layerOf } from '../../../src/formats/layers/layer-of.ts';

describe('layers of language models', () => {
  it('are linear, whatever their names', () => {
    for (const path of [
      'model.layers.0.self_attn.q_proj',
      'model.layers.31.mlp.experts.7.gate_proj',
      'model.layers.3.block_sparse_moe.experts.0.w1',
      'model.layers.3.block_sparse_moe.gate',
      'model.layers.5.feed_forward.shared_expert.up_proj',
      'model.layers.5.attention.wqkv',
      'model.layers.1.linear_attn.in_proj_qkvz',
      'model.language_model.layers.0.self_attn.o_proj',
      'language_model.model.layers.0.mlp.down_proj',
      'language_model.lm_head',
      'model.vision_tower.vision_model.encoder.layers.2.self_attn.k_proj',
      'vision_tower.vision_model.encoder.layers.2.mlp.fc1',
      'model.visual.blocks.4.attn.qkv',
      'transformer.h.0.attn.c_attn',
      'transformer.h.7.self_attention.query_key_value',
      'transformer.h.7.mlp.dense_h_to_4h',
      'transformer.encoder.layers.9.self_attention.query_key_value',
      'gpt_neox.layers.2.attention.query_key_value',
      'model.decoder.layers.0.self_attn.out_proj',
      'model.decoder.layers.0.encoder_attn.q_proj',
      'model.decoder.layers.11.fc2',
      'encoder.block.0.layer.0.SelfAttention.q',
      'decoder.block.3.layer.2.DenseReluDense.wi_0',
      'bert.encoder.layer.1.attention.self.query',
      'roberta.encoder.layer.1.intermediate.dense',
      'backbone.layers.3.mixer.in_proj',
      'lm_head',
    ])
      for (const name of [path, `lycoris_${path.replaceAll('.', '_')}`, `base_model.model.${path}`])
        assert.deepEqual(layerOf(name), { kind: 'linear' }, name);
  });

  it('are not recognised if they are convolutions, or belong to other models', () => {
    for (const path of [
      'model.layers.1.linear_attn.conv1d',
      'backbone.layers.3.mixer.conv1d',
      'model.visual.patch_embed.proj',
      'vision_tower.vision_model.embeddings.patch_embedding',
      'model.encoder.conv1',
      'model.layers.2.conv.conv',
      'net.layers.0.branch.proj',
      'layers.0.fc3',
    ])
      for (const name of [path, `lycoris_${path.replaceAll('.', '_')}`])
        assert.equal(layerOf(name), null, name);
  });
});
