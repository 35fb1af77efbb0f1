import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { computeRanks, defaultStages, type Formula } from '../../src/schedule/choose-ranks.ts';
import fc from '../fast-check.ts';

const SHAPES: readonly Formula[] = ['geometric', 'linear', 'cosine'];

describe('the ranks of the stages', () => {
  it('halve by default, if halving leads from source to target', () => {
    assert.deepEqual(computeRanks('geometric', 64, 1, 7), [64, 32, 16, 8, 4, 2, 1]);
    assert.deepEqual(
      computeRanks('geometric', 65536, 1, 17),
      Array.from({ length: 17 }, (_, i) => 2 ** (16 - i)),
    );
  });

  it('are those of the formulas, calculated by hand', () => {
    // 64·(1/16)^(i/3): 25.4, 10.08. 64 − 20·i. 4 + 60·(1 + cos(πi/3))/2 = 4 + 60·¾, 4 + 60·¼.
    assert.deepEqual(computeRanks('geometric', 64, 4, 4), [64, 25, 10, 4]);
    assert.deepEqual(computeRanks('linear', 64, 4, 4), [64, 44, 24, 4]);
    assert.deepEqual(computeRanks('cosine', 64, 4, 4), [64, 49, 19, 4]);
  });

  it('round halves up', () => {
    assert.deepEqual(computeRanks('linear', 8, 1, 3), [8, 5, 1], '4.5');
    assert.deepEqual(computeRanks('cosine', 8, 1, 3), [8, 5, 1], '4.5');
    assert.deepEqual(computeRanks('cosine', 11, 1, 4), [11, 9, 4, 1], '8.5 and 3.5');
    // Every second one is a half, and 22 − 21 · (9/14) is slightly below 8.5 in floating point.
    const byOneAndAHalf = [22, 21, 19, 18, 16, 15, 13, 12, 10, 9, 7, 6, 4, 3, 1];
    assert.deepEqual(computeRanks('linear', 22, 1, 15), byOneAndAHalf);
    assert.deepEqual(computeRanks('linear', 100, 1, 7), [100, 84, 67, 51, 34, 18, 1], '83.5, 50.5 and 17.5');
  });

  it('share one stage if rounding repeats them', () => {
    assert.deepEqual(computeRanks('geometric', 4, 1, 64), [4, 3, 2, 1]);
    assert.deepEqual(computeRanks('linear', 3, 2, 10), [3, 2]);
    assert.deepEqual(computeRanks('cosine', 5, 5, 10), [5]);
  });

  it('fall strictly from source to target, whatever the shape and the number', () => {
    const pairs = fc.tuple(fc.integer({ min: 1, max: 65536 }), fc.integer({ min: 1, max: 65536 }));
    fc.assert(
      fc.property(
        fc.constantFrom(...SHAPES),
        pairs,
        fc.integer({ min: 2, max: 64 }),
        (shape, pair, stages) => {
          const [source, target] = [Math.max(...pair), Math.min(...pair)];
          const ranks = computeRanks(shape, source, target, stages);
          assert.equal(ranks[0], source);
          assert.equal(ranks.at(-1), target);
          assert.ok(ranks.length <= stages);
          for (const [index, rank] of ranks.entries()) {
            assert.ok(Number.isInteger(rank));
            if (index > 0) assert.ok(rank < ranks[index - 1]!);
          }
        },
      ),
    );
  });

  it('fall by the same factor, by the same number, or slowly at both ends', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2000, max: 65536 }),
        fc.integer({ min: 3, max: 16 }),
        (source, stages) => {
          const drops = (shape: Formula): number[] => {
            const ranks = computeRanks(shape, source, 1000, stages);
            return ranks.slice(1).map((rank, index) => ranks[index]! - rank);
          };
          const linear = drops('linear');
          assert.ok(Math.max(...linear) - Math.min(...linear) <= 1);
          const ranks = computeRanks('geometric', source, 1000, stages);
          for (let i = 1; i < ranks.length - 1; i++) {
            // With rounding by at most a half, the middle of three is the geometric mean of its neighbours.
            assert.ok(Math.abs(ranks[i]! - Math.sqrt(ranks[i - 1]! * ranks[i + 1]!)) < 1.6, ranks.join(' '));
          }
          const cosine = drops('cosine');
          for (const [index, drop] of cosine.entries()) {
            assert.ok(Math.abs(drop - cosine.at(-1 - index)!) <= 2, 'the same from both ends');
            if (index > 0 && index < cosine.length / 2) assert.ok(drop >= cosine[index - 1]! - 1);
          }
        },
      ),
    );
  });
});

describe('the default number of stages', () => {
  it('is one for each halving, and the source', () => {
    const cases = [
      [64, 1, 7],
      [64, 64, 1],
      [64, 32, 2],
      [64, 33, 2],
      [65, 1, 8],
      [3, 2, 2],
      [65536, 1, 17],
    ] as const;
    for (const [source, target, stages] of cases) {
      assert.equal(defaultStages(source, target), stages, `${source} to ${target}`);
    }
  });

  it('never exceeds the number of different ranks', () => {
    const pairs = fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1000 }));
    fc.assert(
      fc.property(fc.constantFrom(...SHAPES), pairs, (shape, pair) => {
        const [source, target] = [Math.max(...pair), Math.min(...pair)];
        const stages = defaultStages(source, target);
        assert.equal(stages, Math.ceil(Math.log2(source / target) - 1e-12) + 1);
        assert.equal(computeRanks(shape, source, target, stages).length, stages);
      }),
      { numRuns: 2000 },
    );
  });
});
