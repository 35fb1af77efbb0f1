import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_LIMITS, type RankLimits } from '../../src/serving/rank-limits.ts';
import { limitRank, permittedRanks } from '../../src/squeeze/limit-rank.ts';
import fc from '../fast-check.ts';

const limits = (some: Partial<RankLimits>): RankLimits => ({ ...NO_LIMITS, ...some });
const POWERS = limits({ allowedRanks: [4, 8, 16, 32] });

const anyLimits: fc.Arbitrary<RankLimits> = fc
  .record({
    bounds: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })),
    allowed: fc.option(fc.uniqueArray(fc.integer({ min: 1, max: 48 }), { minLength: 1, maxLength: 6 })),
  })
  .map(({ bounds, allowed }) => ({
    minRank: Math.min(...bounds),
    maxRank: Math.max(...bounds),
    allowedRanks: allowed?.sort((x, y) => x - y) ?? null,
  }));
const rank = fc.integer({ min: 1, max: 64 });

describe('a rank within limits', () => {
  it('is reached', () => {
    const cases: [what: string, wanted: number, own: number, limits: RankLimits, rank: number][] = [
      ['no limits', 5, 64, NO_LIMITS, 5],
      ['above its own', 80, 64, NO_LIMITS, 64],
      ['without bound', Number.POSITIVE_INFINITY, 64, NO_LIMITS, 64],
      ['below min_rank', 2, 64, limits({ minRank: 4 }), 4],
      ['min_rank that the module does not have', 2, 3, limits({ minRank: 4 }), 3],
      ['above max_rank', 60, 64, limits({ maxRank: 32 }), 32],
      ['an allowed one', 8, 64, POWERS, 8],
      ['up to the next allowed', 9, 64, POWERS, 16],
      ['up to the least allowed', 1, 64, POWERS, 4],
      ['down from above all allowed', 40, 64, POWERS, 32],
      ['down where up exceeds max_rank', 9, 64, limits({ ...POWERS, maxRank: 12 }), 8],
      ['down where up exceeds its own', 9, 12, POWERS, 8],
      ['its own where none allowed is as small', 2, 3, POWERS, 3],
      ['min_rank, then up', 1, 64, limits({ ...POWERS, minRank: 5 }), 8],
    ];
    for (const [what, wanted, own, bound, expected] of cases)
      assert.equal(limitRank(wanted, own, bound), expected, what);
  });

  it('never exceeds the module’s own or max_rank, and limiting it again changes nothing', () => {
    fc.assert(
      fc.property(rank, rank, anyLimits, (wanted, own, bound) => {
        const found = limitRank(wanted, own, bound);
        assert.ok(found >= 1 && found <= own && found <= bound.maxRank);
        assert.equal(limitRank(found, own, bound), found);
      }),
    );
  });

  it('increases with the requested rank', () => {
    fc.assert(
      fc.property(rank, rank, rank, anyLimits, (x, y, own, bound) => {
        assert.ok(limitRank(Math.min(x, y), own, bound) <= limitRank(Math.max(x, y), own, bound));
      }),
    );
  });

  it('is a permitted one whenever the module can have one', () => {
    fc.assert(
      fc.property(rank, rank, anyLimits, (wanted, own, bound) => {
        const reachable = bound.allowedRanks?.filter((each) => each <= Math.min(own, bound.maxRank));
        if (reachable && reachable.length > 0) {
          assert.ok(reachable.includes(limitRank(wanted, own, bound)));
        }
      }),
    );
  });

  it('keeps all requested directions if any permitted rank does', () => {
    fc.assert(
      fc.property(rank, rank, anyLimits, (wanted, own, bound) => {
        const enough = permittedRanks(own, bound).filter((each) => each >= wanted);
        if (enough.length > 0) assert.equal(limitRank(wanted, own, bound), enough[0]);
      }),
    );
  });
});

describe('the permitted ranks of a module', () => {
  it('are listed', () => {
    assert.deepEqual(permittedRanks(4, NO_LIMITS), [1, 2, 3, 4]);
    assert.deepEqual(permittedRanks(64, limits({ minRank: 3, maxRank: 5 })), [3, 4, 5]);
    assert.deepEqual(permittedRanks(2, limits({ minRank: 3, maxRank: 5 })), [2]);
    assert.deepEqual(permittedRanks(20, POWERS), [4, 8, 16]);
    assert.deepEqual(permittedRanks(3, POWERS), [3]);
    assert.deepEqual(permittedRanks(64, limits({ ...POWERS, minRank: 8, maxRank: 20 })), [8, 16]);
  });

  it('are those that result from limiting', () => {
    fc.assert(
      fc.property(rank, anyLimits, (own, bound) => {
        const given = new Set(Array.from({ length: 64 }, (_, index) => limitRank(index + 1, own, bound)));
        assert.deepEqual(permittedRanks(own, bound), [...given]);
      }),
    );
  });
});
