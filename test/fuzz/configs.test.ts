import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readMlxConfig } from '../../src/formats/mlx/read-config.ts';
import { readConfig } from '../../src/formats/peft/read-config.ts';
import fc from '../fast-check.ts';
import { damaged, damages } from './damage.ts';
import { assertNoPollution, orRefused } from './invariants.ts';
import { runsOf } from './runs.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');
const read = (path: string): Buffer => readFileSync(join(FIXTURES, path));
const REAL = readdirSync(join(FIXTURES, 'attacks/config'))
  .map((name) => read(`attacks/config/${name}`))
  .filter(({ length }) => length < 4_000)
  .concat(
    read('adapters/peft-gpt2-niket/adapter_config.json'),
    read('adapters/mlx-qwen25-05b-r8/adapter_config.json'),
  );

/** Fields that matter, with values that are possible, nearly possible, or arbitrary. */
const number = fc.oneof(fc.integer({ min: -2, max: 64 }), fc.double(), fc.constantFrom(1e308, 2 ** 53, -0));
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, true, [], {}, '', '(', '(a+)+$', '^.*x$'),
);
const mostly = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 15, arbitrary: usual }, odd);
const rank = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 64 }) }, number);
const key = fc.oneof(
  { weight: 15, arbitrary: fc.constantFrom('q_proj', '.*', '^a$', '(?i)x', '[ab]', 'constructor', 'a|b') },
  fc.string({ maxLength: 12 }),
  fc.constantFrom('(', '[a', '(?<=x)y'),
);
const patterns = (value: fc.Arbitrary<unknown>) => mostly(fc.dictionary(key, mostly(value), { maxKeys: 3 }));
const fields = fc.record(
  {
    peft_type: mostly(fc.constant('LORA')),
    r: mostly(rank),
    lora_alpha: mostly(number),
    use_rslora: mostly(fc.boolean()),
    use_dora: mostly(fc.boolean()),
    rank_pattern: patterns(rank),
    alpha_pattern: patterns(number),
    target_modules: mostly(fc.array(fc.string())),
    target_parameters: mostly(fc.array(fc.string())),
    init_lora_weights: odd,
    base_model_name_or_path: mostly(fc.string()),
    fine_tune_type: fc.oneof(fc.constantFrom('lora', 'dora', 'full'), odd),
    lora_parameters: mostly(
      fc.record({ rank: mostly(number), scale: mostly(number), alpha: odd }, { requiredKeys: [] }),
    ),
    more: odd,
  },
  { requiredKeys: [] },
);
const bytes = fc.oneof(
  fields.map((value) => Buffer.from(JSON.stringify(value))),
  fc.tuple(fields, damages()).map(([value, list]) => damaged(Buffer.from(JSON.stringify(value)), list)),
  fc.tuple(fc.constantFrom(...REAL), damages()).map(([file, list]) => damaged(file, list)),
  fc.uint8Array({ maxLength: 60 }).map((some) => Buffer.from(some)),
);

describe('adapter_config.json of any bytes', () => {
  it('of PEFT is refused, or has a valid rank and alpha', (t) => {
    let accepted = 0;
    fc.assert(
      fc.property(bytes, (file) => {
        const config = orRefused(() => readConfig(file));
        if (!config) return;
        accepted++;
        assert.ok(Number.isSafeInteger(config.rank) && config.rank >= 1 && Number.isFinite(config.alpha));
        for (const module of ['model.q_proj', 'a', 'constructor', '']) {
          const [rank, alpha] = [config.rankPattern.find(module), config.alphaPattern.find(module)];
          assert.ok(rank === undefined || (Number.isSafeInteger(rank) && rank >= 1));
          assert.ok(alpha === undefined || Number.isFinite(alpha));
        }
        JSON.stringify(config.fields);
      }),
      runsOf(t, 8_000),
    );
    assert.ok(accepted > 100, `${accepted}`);
    assertNoPollution();
  });

  it('of MLX is refused, or has a valid scale', (t) => {
    let accepted = 0;
    fc.assert(
      fc.property(bytes, (file) => {
        const config = orRefused(() => readMlxConfig(file));
        if (!config) return;
        accepted++;
        assert.ok(Number.isFinite(config.scale));
        assert.ok(config.rank === undefined || (Number.isSafeInteger(config.rank) && config.rank >= 1));
        JSON.stringify(config.fields);
      }),
      runsOf(t, 8_000),
    );
    assert.ok(accepted > 100, `${accepted}`);
    assertNoPollution();
  });
});
