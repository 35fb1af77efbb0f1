import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_PATTERN_BYTES } from '../../../src/formats/peft/limits.ts';
import { PatternTable } from '../../../src/formats/peft/patterns.ts';
import fc from '../../fast-check.ts';
import { refusal } from './build.ts';

const table = (...keys: string[]): PatternTable<string> =>
  new PatternTable(
    'rank_pattern',
    keys.map((key) => [key, key]),
  );

describe('PatternTable: which key applies', () => {
  // Each row is the result of Python's re.match(rf"^(.*\.)?({key})$", name); the first matching key applies.
  const rows: readonly (readonly [keys: string[], module: string, found: string | undefined])[] = [
    [['q_proj'], 'model.layers.0.self_attn.q_proj', 'q_proj'],
    [['q_proj'], 'q_proj', 'q_proj'],
    [['q_proj'], 'model.xq_proj', undefined],
    [['q_proj'], 'model.q_proj.inner', undefined],
    [['proj'], 'model.q_proj', undefined],
    [['layers.1.q'], 'model.layers.1.q', 'layers.1.q'],
    [['layers.1.q'], 'model.layers.11.q', undefined],
    [['1.q'], 'model.layers.11.q', undefined],
    [['model.layers.1.q'], 'model.layers.1.q', 'model.layers.1.q'],
    [['model.layers.1.q'], 'layers.1.q', undefined],
    [['q', 'a.q'], 'a.q', 'q'],
    [['a.q', 'q'], 'a.q', 'a.q'],
    [['a.q', 'q'], 'b.q', 'q'],
    [['.*_proj', 'q_proj'], 'x.q_proj', '.*_proj'],
    [['q_proj', '.*_proj'], 'x.q_proj', 'q_proj'],
    [['q_proj', '.*_proj'], 'x.k_proj', '.*_proj'],
    [['layers\\.(0|1)\\..*'], 'model.layers.1.mlp.up', 'layers\\.(0|1)\\..*'],
    [['layers\\.(0|1)\\..*'], 'model.layers.10.mlp.up', undefined],
    [['q_proj|k_proj'], 'model.k_proj', 'q_proj|k_proj'],
    [['^q_proj'], 'q_proj', '^q_proj'],
    [['^q_proj'], 'model.q_proj', undefined],
    [['^a\\.q'], 'a.q', '^a\\.q'],
    [['^a\\.q'], 'axq', undefined],
    [['^a.q'], 'axq', '^a.q'],
    [['^a\\.q'], 'b.a.q', undefined],
    [['q', '^a\\.q'], 'a.q', 'q'],
    [['^a\\.q', 'q'], 'a.q', '^a\\.q'],
    [['^x\\(1\\)-y\\+z'], 'x(1)-y+z', '^x\\(1\\)-y\\+z'],
    [['^\\d'], '1', '^\\d'],
    [['^a$'], 'a', '^a$'],
    [['^a|b'], 'x.b', '^a|b'],
    [['.*\\.layers\\.\\d+\\.q'], 'model.layers.12.q', '.*\\.layers\\.\\d+\\.q'],
    [['(?P<kind>q|k)_proj'], 'model.k_proj', '(?P<kind>q|k)_proj'],
    [['[kqv]_proj'], 'model.v_proj', '[kqv]_proj'],
    [['10', '1'], 'net.1', '1'],
    [['10', '1'], 'net.10', '10'],
    [['a)|(b'], 'b', 'a)|(b'],
    [['a)|(b'], 'x.b', undefined],
    [['a)|(b'], 'a.x', 'a)|(b'],
    [['.*'], 'anything.at.all', '.*'],
    [[], 'a.b', undefined],
  ];
  for (const [keys, module, found] of rows) {
    it(`${JSON.stringify(keys)} on ${module}: ${found ?? 'none'}`, () => {
      assert.equal(table(...keys).find(module), found);
    });
  }

  it('treats the dot of a literal key as a dot, while in Python it matches any character', () => {
    assert.equal(table('to_out.0', 'to_out-0').find('unet.to_out-0'), 'to_out-0');
  });

  it('agrees with the expression for literal keys, in any order', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', 'ab', '1', 'q_proj'), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join('.'));
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 6 }), path, (keys, module) => {
        // These expressions cannot back-track badly. Dots are escaped because the table promises literal
        // dots.
        const expected = keys.find((key) =>
          new RegExp(`^(.*\\.)?(${key.replaceAll('.', '\\.')})$`).test(module),
        );
        assert.equal(table(...keys).find(module), expected);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('PatternTable: hostile keys', () => {
  for (const key of ['(a+)+!', '(.*a){25}', '([a-zA-Z_.0-9]+)*!', '(a|aa)+$!', '(a|a?)+b']) {
    it(`terminates on ${key}`, () => {
      const patterns = table(key);
      for (let index = 0; index < 50; index += 1)
        assert.equal(patterns.find(`${'a'.repeat(24)}.x${index}`), undefined);
    });
  }

  for (const key of ['(', 'a)', '[', '*', '(?=a)b', '(?<!lm_)head', '(a)\\1', 'a{1,5000}', '\\']) {
    it(`refuses ${key}, naming it`, () => {
      const { code, message, context } = refusal(() => table('fine', key));
      assert.equal(code, 'CONFIG_REGEX');
      assert.ok(message.includes('rank_pattern') && message.includes(JSON.stringify(key)), message);
      assert.equal(context.key, key);
    });
  }

  it('limits the length of an expression', () => {
    assert.equal(table(`${'a|'.repeat(MAX_PATTERN_BYTES / 2 - 1)}bb`).find('x.bb') !== undefined, true);
    const { code, message } = refusal(() => table(`${'a|'.repeat(MAX_PATTERN_BYTES / 2)}b`));
    assert.equal(code, 'CONFIG_TOO_LARGE');
    assert.ok(message.length < 600);
  });

  it('limits the work of all expressions on all modules', () => {
    const patterns = table(...Array.from({ length: 300 }, (_, index) => `(x+)+y{1,200}${index}`));
    const { code } = refusal(() => {
      for (let index = 0; index < 30_000; index += 1) patterns.find(`model.layers.${index}.self_attn.q_proj`);
    });
    assert.equal(code, 'CONFIG_TOO_LARGE');
  });

  it('does not limit literal keys', () => {
    const patterns = table(...Array.from({ length: 5000 }, (_, index) => `layers.${index}.q`));
    for (let index = 0; index < 10_000; index += 1) {
      assert.equal(patterns.find(`m.layers.${index}.q`), index < 5000 ? `layers.${index}.q` : undefined);
    }
  });
});
