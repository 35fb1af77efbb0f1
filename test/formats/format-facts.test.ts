import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { FORMAT_NAMES } from '../../src/adapter/format-name.ts';
import { FORMAT_FACTS } from '../../src/formats/format-facts.ts';
import { FORMATS } from '../../src/formats/formats.ts';

describe('the facts about formats', () => {
  it('cover every format once, in the order of the contract', () => {
    const names = FORMAT_FACTS.map(({ name }) => name);
    assert.deepEqual([...names].sort(), FORMATS.map(({ name }) => name).sort());
    assert.deepEqual(
      names,
      FORMAT_NAMES.filter((name) => names.includes(name)),
    );
    assert.equal(new Set(FORMAT_FACTS.map(({ title }) => title)).size, FORMAT_FACTS.length);
  });

  it('agree with each other and with docs/formats.md', () => {
    const page = readFileSync(new URL('../../docs/formats.md', import.meta.url), 'utf8');
    for (const { name, files, converts_to, notes } of FORMAT_FACTS) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
      assert.equal(row?.split(' | ')[1], files.map((file) => `\`${file}\``).join(', '));
      const reached = converts_to.map(({ format }) => format);
      assert.ok(!reached.includes(name) && new Set(reached).size === reached.length);
      for (const to of reached) assert.ok(FORMAT_FACTS.find((one) => one.name === to)?.writes, to);
      assert.ok(notes.length > 0 && notes.every((note) => /^[A-Z].*\.$/.test(note)), name);
    }
  });
});
