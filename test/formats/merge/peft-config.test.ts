import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type MergeTerm, stackModules } from '../../../src/formats/merge/merge-modules.ts';
import { mergeConfig } from '../../../src/formats/merge/peft-config.ts';
import type { TensorSpec } from '../../../src/safetensors/layout.ts';
import { adapterOf, linear } from '../peft/build.ts';

type Fields = Readonly<Record<string, unknown>>;

function merged(...adapters: (readonly [tensors: TensorSpec[], config: Fields])[]) {
  const terms: MergeTerm[] = adapters.map(([tensors, config], index) => ({
    id: `ad_${index}`,
    adapter: adapterOf(tensors, config),
    weight: 1,
  }));
  const { modules } = stackModules(terms);
  return { config: mergeConfig(terms, modules) };
}

const q = (rank = 4) => linear('layers.0.q_proj', rank);
const v = (rank = 4) => linear('layers.0.v_proj', rank);

describe('the configuration of a stack', () => {
  it('keeps the other fields of the first adapter', () => {
    const { config } = merged(
      [q(), { task_type: 'CAUSAL_LM', base_model_name_or_path: null, revision: 'main' }],
      [q(), { task_type: 'SEQ_CLS', base_model_name_or_path: 'base', revision: 'other' }],
    );
    assert.deepEqual(
      [config.task_type, config.revision, config.base_model_name_or_path],
      ['CAUSAL_LM', 'main', 'base'],
    );
  });
});

describe('the modules it selects', () => {
  const targets = (...fields: Fields[]) => {
    const tensors = [q(), v(), [...q(), ...v()]];
    return merged(...fields.map((config, i) => [tensors[i]!, config] as const)).config;
  };
  const all = ['layers.0.q_proj', 'layers.0.v_proj'];

  it('are the union of lists', () => {
    const { target_modules } = targets(
      { target_modules: ['q_proj'] },
      { target_modules: ['v_proj', 'q_proj'] },
    );
    assert.deepEqual(target_modules, ['q_proj', 'v_proj']);
  });

  it('stay unchanged if all agree, in whatever order', () => {
    const same = { exclude_modules: ['lm_head'], layers_to_transform: [0] };
    const config = targets(
      { ...same, target_modules: ['q_proj', 'v_proj'] },
      { ...same, target_modules: ['v_proj', 'q_proj'] },
    );
    assert.deepEqual(config.target_modules, ['q_proj', 'v_proj']);
    assert.deepEqual([config.exclude_modules, config.layers_to_transform], [['lm_head'], [0]]);
    assert.equal(
      targets({ target_modules: 'all-linear' }, { target_modules: 'all-linear' }).target_modules,
      'all-linear',
    );
  });

  it('are named one by one if the selections cannot be united', () => {
    for (const [x, y] of [
      [{ target_modules: ['q_proj'] }, { target_modules: '.*v_proj' }],
      [{ target_modules: ['q_proj'], layers_to_transform: [0] }, { target_modules: ['v_proj'] }],
      [{ target_modules: ['q_proj'] }, { target_modules: ['v_proj'], exclude_modules: ['layers.0.q_proj'] }],
    ] as [Fields, Fields][]) {
      const config = targets(x, y);
      assert.deepEqual(config.target_modules, all);
      assert.ok(
        [config.layers_to_transform, config.exclude_modules].every(
          (value) => value === null || value === undefined,
        ),
      );
    }
  });
});

describe('the modules saved beside the factors', () => {
  it('are the union of the heads', () => {
    const heads = (...fields: Fields[]) => merged(...fields.map((config) => [q(), config] as const)).config;
    assert.deepEqual(
      heads({ modules_to_save: ['score'] }, {}, { modules_to_save: ['head', 'score'] }).modules_to_save,
      ['score', 'head'],
    );
    assert.equal(heads({ modules_to_save: null }, {}).modules_to_save, null);
  });

  it('include every kind of bias that one of the adapters has', () => {
    const bias = (...values: string[]) =>
      merged(...values.map((value) => [q(), { bias: value }] as const)).config.bias;
    assert.equal(bias('none', 'none'), 'none');
    assert.equal(bias('none', 'lora_only'), 'lora_only');
    assert.equal(bias('lora_only', 'all'), 'all');
  });

  it('are not initialised from another file', () => {
    const { config } = merged(
      [q(), { init_lora_weights: true }],
      [q(), { init_lora_weights: 'pissa_niter_4' }],
    );
    assert.equal(config.init_lora_weights, true);
    assert.equal(merged([q(), { init_lora_weights: 'pissa' }], [q(), {}]).config.init_lora_weights, true);
  });
});
