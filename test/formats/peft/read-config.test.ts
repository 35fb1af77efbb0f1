import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_CONFIG_BYTES, MAX_CONFIG_DEPTH, MAX_CONFIG_FIELDS } from '../../../src/formats/peft/limits.ts';
import { type PeftConfig, readConfig } from '../../../src/formats/peft/read-config.ts';
import { configOf, refusal } from './build.ts';

const read = (fields: Readonly<Record<string, unknown>> | string = {}): PeftConfig =>
  readConfig(configOf(fields));

describe('readConfig', () => {
  it('reads the fields that determine the scales', () => {
    const config = read({
      base_model_name_or_path: 'org/model',
      lora_alpha: 12.5,
      use_rslora: true,
      rank_pattern: { q_proj: 2 },
      alpha_pattern: { q_proj: 3.5 },
      lora_bias: true,
    });
    assert.deepEqual(
      [config.baseModel, config.rank, config.alpha, config.useRslora, config.loraBias],
      ['org/model', 4, 12.5, true, true],
    );
    assert.equal(config.rankPattern.find('x.q_proj'), 2);
    assert.equal(config.alphaPattern.find('x.q_proj'), 3.5);
    assert.deepEqual(config.warnings, []);
  });

  it('gives LoHa and LoKr the same fields as LoRA', () => {
    const fields = { base_model_name_or_path: null, alpha: 6, decompose_factor: 4, init_weights: 'lycoris' };
    const rest = {
      module_dropout: 0.1,
      r: 3,
      peft_type: 'LOKR',
      target_modules: ['q'],
      use_effective_conv2d: true,
    };
    const config = readConfig(Buffer.from(JSON.stringify({ ...fields, ...rest })));
    assert.deepEqual([config.method, config.rank, config.alpha], ['lokr', 3, 6]);
    assert.deepEqual(Object.entries(config.fields), [
      ['base_model_name_or_path', null],
      ['lora_alpha', 6],
      ['init_lora_weights', true],
      ['r', 3],
      ['peft_type', 'LORA'],
      ['target_modules', ['q']],
    ]);
  });

  it('keeps unknown fields, in order', () => {
    const fields = {
      zeta: [1, { a: null }],
      peft_type: 'LORA',
      lora_alpha: 8,
      r: 4,
      alpha: 'x',
      revision: null,
    };
    assert.deepEqual(read(JSON.stringify(fields)).fields, fields);
    assert.deepEqual(Object.keys(read(JSON.stringify(fields)).fields), Object.keys(fields));
  });

  it('keeps the order of pattern keys that look like integers', () => {
    const text = '{"peft_type":"LORA","rank_pattern":{"[0-9]+":3,"1":2}}';
    assert.equal(read(text).rankPattern.find('net.1'), 3);
  });

  it('uses PEFT’s defaults for missing fields, and reports them', () => {
    const { rank, alpha, warnings } = read('{"peft_type":"LORA"}');
    assert.deepEqual([rank, alpha], [8, 8]);
    assert.equal(warnings.length, 2);
    assert.match(warnings.join(), /no r,.*no lora_alpha,/);
  });

  it('treats null as "not set" wherever PEFT writes it', () => {
    const fields = [
      'base_model_name_or_path',
      'target_modules',
      'exclude_modules',
      'modules_to_save',
      'kasa_config',
    ];
    const nulls = Object.fromEntries(
      [...fields, 'rank_pattern', 'use_rslora', 'target_parameters'].map((f) => [f, null]),
    );
    assert.equal(read(nulls).baseModel, null);
  });

  it('never evaluates target_modules, whatever they contain', () => {
    for (const target_modules of ['(', '.*(?<!head)', 'all-linear', ['a'], null]) read({ target_modules });
  });

  it('warns if the base weights were changed at the start of training', () => {
    for (const init of ['pissa', 'pissa_niter_4', 'OLoRA', 'olora', 'corda', 'loftq', 'lora_ga']) {
      assert.match(read({ init_lora_weights: init }).warnings.join(), new RegExp(`"${init}".*base`));
    }
    for (const init of [true, false, 'gaussian', 'eva', 'orthogonal']) {
      assert.deepEqual(read({ init_lora_weights: init }).warnings, []);
    }
  });

  it('accepts values at the limits', () => {
    const nested = `${'['.repeat(MAX_CONFIG_DEPTH - 1)}${']'.repeat(MAX_CONFIG_DEPTH - 1)}`;
    read(`{"peft_type":"LORA","x":${nested}}`);
    const open = '{"peft_type":"LORA","x":"';
    read(`${open}${'y'.repeat(MAX_CONFIG_BYTES - open.length - 2)}"}`);
    assert.equal(refusal(() => read(`{"peft_type":"LORA","x":[${nested}]}`)).code, 'CONFIG_TOO_DEEP');
    assert.equal(
      refusal(() => read(`${open}${'y'.repeat(MAX_CONFIG_BYTES - open.length - 1)}"}`)).code,
      'CONFIG_TOO_LARGE',
    );
    const fields = (count: number) =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index])));
    const { code, message } = refusal(() => read(fields(MAX_CONFIG_FIELDS + 1)));
    assert.deepEqual(
      [code, message.includes(`${MAX_CONFIG_FIELDS + 1} fields, but may have at most`)],
      ['CONFIG_TOO_LARGE', true],
    );
    assert.notEqual(refusal(() => read(fields(MAX_CONFIG_FIELDS))).code, 'CONFIG_TOO_LARGE');
  });
});

describe('readConfig: refusals', () => {
  const rows: readonly (readonly [
    fields: Readonly<Record<string, unknown>> | string,
    code: string,
    names: string,
  ])[] = [
    ['', 'CONFIG_JSON', 'adapter_config.json'],
    ['null', 'CONFIG_INVALID', 'object'],
    ['"LORA"', 'CONFIG_INVALID', 'object'],
    [{ peft_type: 'VERA' }, 'CONFIG_PEFT_TYPE', 'is "VERA": its factors'],
    [{ peft_type: 'IA3' }, 'CONFIG_PEFT_TYPE', 'merge it into the base model'],
    [{ peft_type: 'ADALORA', init_r: 0 }, 'CONFIG_RANK', 'init_r must be a positive integer'],
    [{ peft_type: 'ADALORA', rank_pattern: { 'q.lora_E': 3 } }, 'CONFIG_INVALID', 'a list of true and false'],
    [{ peft_type: 'ADALORA', rank_pattern: [] }, 'CONFIG_INVALID', 'rank_pattern must be an object'],
    [
      { peft_type: 'constructor' },
      'CONFIG_PEFT_TYPE',
      '"constructor". Only "LORA", "LOHA", "LOKR" and "ADALORA" can be squeezed',
    ],
    [{ peft_type: 'LOHA', alpha: '8' }, 'CONFIG_ALPHA', 'lora_alpha'],
    [{ peft_type: 'lora' }, 'CONFIG_PEFT_TYPE', '"lora"'],
    [{ peft_type: ['LORA'] }, 'CONFIG_PEFT_TYPE', 'peft_type'],
    [{ r: -4 }, 'CONFIG_RANK', '-4'],
    [{ r: null }, 'CONFIG_RANK', 'null'],
    [{ r: true }, 'CONFIG_RANK', 'true'],
    [{ r: [4] }, 'CONFIG_RANK', 'a list'],
    ['{"peft_type":"LORA","r":9007199254740993}', 'CONFIG_RANK', '9007199254740993'],
    [{ rank_pattern: { q: 1.5 } }, 'CONFIG_RANK', 'rank_pattern of "q"'],
    [{ rank_pattern: { q: 0 } }, 'CONFIG_RANK', 'not 0'],
    [{ rank_pattern: [] }, 'CONFIG_INVALID', 'rank_pattern'],
    [{ rank_pattern: 'q' }, 'CONFIG_INVALID', 'rank_pattern'],
    [{ lora_alpha: '16' }, 'CONFIG_ALPHA', '"16"'],
    [{ lora_alpha: false }, 'CONFIG_ALPHA', 'false'],
    ['{"peft_type":"LORA","lora_alpha":1e999}', 'CONFIG_ALPHA', 'not finite'],
    ['{"peft_type":"LORA","alpha_pattern":{"q":1e999}}', 'CONFIG_ALPHA', '"alpha_pattern" / "q"'],
    [{ alpha_pattern: { q: null } }, 'CONFIG_ALPHA', 'alpha_pattern of "q"'],
    [{ use_rslora: 'true' }, 'CONFIG_INVALID', 'use_rslora'],
    [{ use_rslora: 1 }, 'CONFIG_INVALID', 'use_rslora'],
    [{ base_model_name_or_path: 7 }, 'CONFIG_INVALID', 'base_model_name_or_path'],
    [{ target_modules: [1] }, 'CONFIG_INVALID', 'target_modules'],
    [{ modules_to_save: { a: 1 } }, 'CONFIG_INVALID', 'modules_to_save'],
    ['{"peft_type":"LORA","seed":18446744073709551615}', 'CONFIG_INVALID', 'seed'],
    [{ use_qalora: true }, 'UNSUPPORTED_LORA_VARIANT', 'QALoRA'],
    [{ use_bdlora: { target: 1 } }, 'UNSUPPORTED_LORA_VARIANT', 'BD-LoRA'],
    [{ kasa_config: {} }, 'UNSUPPORTED_LORA_VARIANT', 'KaSA'],
  ];
  for (const [fields, code, names] of rows) {
    it(`${JSON.stringify(fields)} is ${code}`, () => {
      const error = refusal(() => read(fields));
      assert.equal(error.code, code);
      assert.ok(
        error.message.includes(names) && error.message.includes('adapter_config.json'),
        error.message,
      );
    });
  }
});
