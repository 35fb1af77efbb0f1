import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mergeConfig } from '../../../src/formats/peft/merge-config.ts';
import { type MergeTerm, stackModules } from '../../../src/formats/peft/merge-modules.ts';
import { readPeft } from '../../../src/formats/peft/read-peft.ts';
import type { TensorSpec } from '../../../src/safetensors/layout.ts';
import { adapterOf, headerOf, linear, refusal } from './build.ts';
import { parseOracleConfig, peftModule } from './peft-oracle.ts';

type Fields = Readonly<Record<string, unknown>>;

function merged(...adapters: (readonly [tensors: TensorSpec[], config: Fields])[]) {
  const terms: MergeTerm[] = adapters.map(([tensors, config], index) => ({
    id: `ad_${index}`,
    adapter: adapterOf(tensors, config),
    weight: 1,
  }));
  const { modules } = stackModules(terms);
  const bytes = mergeConfig(terms, modules);
  return { bytes, modules, config: parseOracleConfig(Buffer.from(bytes).toString('utf8')) };
}

const q = (rank = 4) => linear('layers.0.q_proj', rank);
const v = (rank = 4) => linear('layers.0.v_proj', rank);

describe('the configuration of a stack', () => {
  it('gives every module its rank and the scale 1, by PEFT and by our own reader', () => {
    const { bytes, modules, config } = merged(
      [
        [...q(), ...linear('layers.1.q_proj', 4)],
        { use_rslora: true, alpha_pattern: { 'layers.0.q_proj': 99 } },
      ],
      [[...q(3), ...v(5)], { r: 5, rank_pattern: { q_proj: 3 }, lora_alpha: 1 }],
    );
    const ranks = { 'layers.0.q_proj': 7, 'layers.1.q_proj': 4, 'layers.0.v_proj': 5 };
    for (const [name, rank] of Object.entries(ranks)) {
      assert.deepEqual(peftModule(config, name), { rank, scale: 1 });
    }
    const tensors = modules.flatMap(({ like, rank }) => linear(like.name, rank));
    for (const { name, rank, scale } of readPeft(headerOf(tensors), bytes).modules) {
      assert.deepEqual([rank, scale], [ranks[name as keyof typeof ranks], 1]);
    }
    assert.equal(config.use_rslora, false);
  });

  it('names few modules: r is the rank that most have', () => {
    const many = Array.from({ length: 50 }, (_, i) => linear(`layers.${i}.up_proj`, 4)).flat();
    const { config } = merged([[...q(), ...many], {}], [q(), {}]);
    assert.deepEqual([config.r, config.lora_alpha, config.rank_pattern], [4, 4, { 'layers.0.q_proj': 8 }]);
  });

  it('keeps what the first adapter says of other things', () => {
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

  it('stay as they are where all agree, in whatever order', () => {
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

  it('are named one by one where the ways of choosing cannot be united', () => {
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

describe('what is saved beside the factors', () => {
  it('is the union of the heads', () => {
    const heads = (...fields: Fields[]) => merged(...fields.map((config) => [q(), config] as const)).config;
    assert.deepEqual(
      heads({ modules_to_save: ['score'] }, {}, { modules_to_save: ['head', 'score'] }).modules_to_save,
      ['score', 'head'],
    );
    assert.equal(heads({ modules_to_save: null }, {}).modules_to_save, null);
  });

  it('is every kind of bias that one of them has', () => {
    const bias = (...values: string[]) =>
      merged(...values.map((value) => [q(), { bias: value }] as const)).config.bias;
    assert.equal(bias('none', 'none'), 'none');
    assert.equal(bias('none', 'lora_only'), 'lora_only');
    assert.equal(bias('lora_only', 'all'), 'all');
  });

  it('is initialised from nothing', () => {
    const { config } = merged(
      [q(), { init_lora_weights: true }],
      [q(), { init_lora_weights: 'pissa_niter_4' }],
    );
    assert.equal(config.init_lora_weights, true);
    assert.equal(merged([q(), { init_lora_weights: 'pissa' }], [q(), {}]).config.init_lora_weights, true);
  });
});

it('a configuration that would be too large is refused', () => {
  // Half of the modules only in one of the adapters, so that thousands need a name.
  const paths = Array.from(
    { length: 6000 },
    (_, i) => `model.layers.${i}.mlp.experts.${i}.up_projection_of_the_expert`,
  );
  const tensors = paths.map((path) => linear(path, 4, 1, 1));
  const { code } = refusal(() => merged([tensors.flat(), {}], [tensors.slice(0, 2900).flat(), {}]));
  assert.equal(code, 'CONFIG_TOO_LARGE');
});
