import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PARTS, parseOptions, USAGE } from '../../bench/options.ts';

const parse = (line: string) => parseOptions(line.split(' ').filter((word) => word !== ''));

describe('bench: options', () => {
  it('select everything by default', () => {
    assert.deepEqual(parse(''), {
      parts: ['peers', 'work', 'floor', 'concurrency'],
      rank: 16,
      runs: undefined,
      huge: false,
      figure: undefined,
      skipPeers: false,
      quick: false,
    });
  });

  it('select parts, each once and in the order of the page', () => {
    for (const part of PARTS) assert.deepEqual(parse(`--parts ${part}`)?.parts, [part]);
    assert.deepEqual(parse('--parts floor,peers,floor')?.parts, ['peers', 'floor']);
    assert.deepEqual(parseOptions(['--parts', 'work, concurrency'])?.parts, ['work', 'concurrency']);
  });

  it('are read as given', () => {
    const options = parse('--rank 8 --runs 2 --huge --quick --skip-peers --figure x.svg');
    assert.deepEqual(
      { ...options, parts: [] },
      { parts: [], rank: 8, runs: 2, huge: true, quick: true, skipPeers: true, figure: 'x.svg' },
    );
  });

  it('ask for help', () => {
    assert.equal(parse('--help'), null);
    assert.equal(parse('-h'), null);
    for (const part of PARTS) assert.match(USAGE, new RegExp(`^ +${part} `, 'm'));
  });

  it('are refused by name if they are unknown', () => {
    assert.throws(() => parse('--parts peers,wrok'), /--parts: "wrok" is not one of peers, work/);
    assert.throws(() => parse('--parts peers,'), /--parts: "" is not one of/);
    for (const bad of ['0', '64', '1.5', 'x', '-3']) {
      assert.throws(() => parseOptions([`--rank=${bad}`]), /--rank must be a whole number from 1 to 63/);
    }
    assert.throws(() => parseOptions(['--runs', '']), /--runs must be/);
    assert.throws(() => parse('--fast'), /--fast/);
    assert.throws(() => parse('work'), /work/);
  });
});
