import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chunksOf } from '../../src/compute/module-factors.ts';
import fc from '../fast-check.ts';

describe('the chunks of a module', () => {
  it('are a single one for modules of usual sizes', () => {
    for (const shape of [
      { rank: 64, m: 11008, n: 4096 },
      { rank: 8, m: 768, n: 2304 },
      { rank: 1, m: 1, n: 1 },
    ]) {
      assert.deepEqual(chunksOf(shape), [{ rows: [0, shape.m], columns: [0, shape.n] }]);
    }
  });

  it('cover every row and column once, in order, and are small enough', () => {
    const size = fc.integer({ min: 1, max: 300_000 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1024 }), size, size, (rank, m, n) => {
        const chunks = chunksOf({ rank, m, n });
        for (const [axis, whole] of [
          ['rows', m],
          ['columns', n],
        ] as const) {
          let at = 0;
          for (const {
            [axis]: [begin, end],
          } of chunks) {
            assert.equal(begin, at);
            assert.ok(end > begin, 'no empty chunk');
            at = end;
          }
          assert.equal(at, whole);
        }
        if (m > 1000 && n > 1000) {
          for (const { rows, columns } of chunks) {
            const numbers = (rows[1] - rows[0] + columns[1] - columns[0]) * rank;
            assert.ok(numbers <= 4.2e6 + 2 * rank, `${numbers}`);
          }
        }
      }),
    );
  });
});
