import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileSize, megabytes, range, ratio, seconds } from '../../bench/format.ts';
import { markdownTable } from '../../bench/markdown-table.ts';

describe('bench: tables', () => {
  it('pad every column to its widest cell, and align the first column left, the others right', () => {
    assert.equal(
      markdownTable([
        ['method', 's'],
        ['a', '12.34'],
        ['longer name', '5'],
      ]),
      [
        '| method      |     s |', //
        '|-------------|------:|',
        '| a           | 12.34 |',
        '| longer name |     5 |',
      ].join('\n'),
    );
  });

  it('never have a rule that is shorter than Markdown requires', () => {
    assert.equal(markdownTable([['a', 'b']]), '| a   |   b |\n|-----|----:|');
  });
});

describe('bench: numbers', () => {
  it('show as many digits as are significant', () => {
    assert.deepEqual([0.0345, 0.1, 1.061, 39.94, 3012.4].map(seconds), [
      '0.035',
      '0.10',
      '1.06',
      '39.94',
      '3012',
    ]);
    assert.deepEqual([0.362, 1, 9.994, 31.2].map(ratio), ['0.36', '1.00', '9.99', '31']);
    assert.deepEqual([1_048_576, 9.9e6, 394e6].map(megabytes), ['1.0', '9.9', '394']);
    assert.deepEqual([1_048_576, 320e6, 999e6, 1.07e9, 10.7e9].map(fileSize), [
      '1.0 MB',
      '320 MB',
      '999 MB',
      '1.1 GB',
      '11 GB',
    ]);
    assert.equal(range([1.2, 1.02, 1.26]), '1.02–1.26');
  });
});
