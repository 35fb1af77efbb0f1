import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Check } from 'typebox/value';
import { Target } from '../../../src/contract/target.ts';
import { applyProfile } from '../../../src/serving/apply-profile.ts';
import { needsSpectrum, selectRanks } from '../../../src/squeeze/select-ranks.ts';
import { buildAdapter } from './build-adapter.ts';

const { modules } = buildAdapter('peft', [
  { name: 'model.layers.0.self_attn.q_proj', rank: 8 },
  { name: 'model.layers.0.self_attn.v_proj', rank: 3 },
]);

const ranksOf = (asked: Target): number[] => {
  const { target, limits } = applyProfile(asked);
  return selectRanks(target, limits, modules, []).ranks;
};

describe('a target that names only a format', () => {
  it('is a target, with the options for writing and for the conversion', () => {
    for (const target of [
      { format: 'kohya' },
      {
        format: 'gguf',
        format_options: { architecture: 'llama', heads: 32 },
        scale: 'fold',
        dtype: 'float16',
      },
      { format: 'peft', profile: 'vllm' },
      { format: 'mlx', max_rank: 4 },
    ])
      assert.ok(Check(Target, target), JSON.stringify(target));
    for (const target of [
      { format: 'onnx' },
      { format: 'gguf', format_options: { heads: 0 } },
      { format: 'gguf', format_options: { architecture: 'A B' } },
      { format: 'gguf', format_options: { layers: 3 } },
      { format: 'kohya', format_options: { component: 'vae' } },
    ])
      assert.ok(!Check(Target, target), JSON.stringify(target));
  });

  it('keeps the rank of every module, and needs no spectrum', () => {
    assert.equal(needsSpectrum({ format: 'kohya' }), false);
    assert.deepEqual(ranksOf({ format: 'kohya' }), [8, 3]);
  });

  it('keeps ranks within its own limits and those of its profile', () => {
    assert.deepEqual(ranksOf({ format: 'mlx', max_rank: 4 }), [4, 3]);
    assert.deepEqual(ranksOf({ format: 'peft', profile: 'vllm' }), [8, 3]);
    assert.deepEqual(ranksOf({ format: 'peft', profile: 'vllm', max_rank: 1 }), [1, 1]);
  });
});
