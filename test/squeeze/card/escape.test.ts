import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { markdownCode, markdownText, yamlString } from '../../../src/squeeze/card/escape.ts';
import fc, { anyCharacter } from '../../fast-check.ts';

const HOSTILE = [
  'a"\n---\nlicense: mit',
  "'}: [*&!|>%@`",
  '\u0000\u007f\u0085\u2028\u2029\ufeff',
  '<script>alert(1)</script>',
  '| a | b |\n|---|',
  '](https://evil.example) ![x](y) <!-- --> $1',
  '```\n# heading',
  'yes',
  '~',
  '',
];
const texts = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: anyCharacter }), fc.string());

describe('escaping for a model card', () => {
  it('gives YAML strings on one line that are read back unchanged', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const line = `key: ${yamlString(text)}`;
        assert.ok(!/[\n\r\u0085\u2028\u2029]/.test(line));
        assert.deepEqual(parse(line), { key: text });
      }),
    );
  });

  it('gives code on one line without anything that ends it, or a cell of a table', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const code = markdownCode(text);
        assert.match(code, /^`[^`|\n\r\u0085\u2028\u2029]+`$/u);
      }),
    );
  });

  it('gives text on one line with every mark escaped', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const rest = markdownText(text).replace(/\\[\\`*_{}[\]<>()#+!|~&$]|&#\d+;/g, '');
        assert.ok(!/[\\`*_{}[\]<>#!|~&@:\n\r\u2028\u2029]/.test(rest), rest);
      }),
    );
  });

  it('leaves ordinary names readable', () => {
    assert.equal(markdownCode('model.layers.0.q_proj'), '`model.layers.0.q_proj`');
    assert.equal(yamlString('org/base-7B'), '"org/base-7B"');
    assert.equal(markdownText('rank 8 is above 4'), 'rank 8 is above 4');
  });
});
