import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { licenseOfCard } from '../../src/adapter/card-license.ts';
import fc, { anyCharacter } from '../fast-check.ts';

const cardOf = (...lines: string[]): string => ['---', ...lines, '---', '# Title', 'license: mit'].join('\n');

describe('the license of a model card', () => {
  it('is the one that its front matter names; the text below is not searched', () => {
    for (const [lines, license] of [
      [['base_model: gpt2', 'license: apache-2.0'], 'apache-2.0'],
      [['license: "mit"', 'tags: [lora]'], 'mit'],
      [["license: 'mit'  # as the base model"], 'mit'],
      [['license: mit # as the base model'], 'mit'],
      [['license: [mit]'], 'mit'],
      [['license:', '- mit', 'tags:', '- lora'], 'mit'],
      [['license: other', 'license_name: flux-1-dev'], 'flux-1-dev'],
      [['license_name: x', 'license: other'], 'x'],
      [['license: other'], 'other'],
    ] as const) {
      assert.equal(licenseOfCard(cardOf(...lines)), license, lines.join());
      const { license: parsed } = parse(lines.join('\n')) as { license: string | string[] };
      if (license !== 'x' && license !== 'flux-1-dev') assert.deepEqual([parsed].flat(), [license]);
    }
    assert.equal(licenseOfCard(`\ufeff${cardOf('license: mit').replaceAll('\n', '\r\n')}`), 'mit');
  });

  it('is undefined if the card names none or several, or writes it in an unknown form', () => {
    for (const lines of [
      ['base_model: gpt2'],
      ['license: unknown'],
      ['license: [mit, apache-2.0]'],
      ['license:', '- mit', '- apache-2.0'],
      ['license:'],
      ['license: ""'],
      ['license: {a: b}'],
      ['license: *mit'],
      ['license: |', '  mit'],
      ['x:', '  license: mit'],
    ])
      assert.equal(licenseOfCard(cardOf(...lines)), undefined, lines.join());
    for (const text of ['', '# Title', '---\nlicense: mit', `${'\n'.repeat(3)}---\nlicense: mit\n---`])
      assert.equal(licenseOfCard(text), undefined);
  });

  it('is one short line, whatever the card contains', () => {
    assert.equal(licenseOfCard(cardOf(`license: ${'x'.repeat(500)}`))?.length, 100);
    assert.equal(licenseOfCard(cardOf('license: "a\u202eb\u0000c"')), 'a b c');
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), fc.boolean(), (text, isKey) => {
        const license = licenseOfCard(cardOf(isKey ? `license: ${text}` : text));
        assert.ok(license === undefined || (license.length <= 100 && !/\p{Cc}/u.test(license)));
      }),
    );
  });
});
