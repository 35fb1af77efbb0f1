import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cumulativeRank } from '../../src/core/policy/cumulative-rank.ts';
import { energyRank } from '../../src/core/policy/energy-rank.ts';
import { kneeRank } from '../../src/core/policy/knee-rank.ts';
import { toleranceRank } from '../../src/core/policy/tolerance-rank.ts';
import { stableRank, truncationError } from '../../src/core/spectrum.ts';
import fc from '../fast-check.ts';

/** A whole spectrum, and the number of directions after which it is cut; what is left out is the rest. */
const cutSpectra = fc
  .array(fc.double({ min: 1e-3, max: 1, noNaN: true }), { minLength: 2, maxLength: 30 })
  .map((values) => values.sort((x, y) => y - x))
  .chain((whole) => fc.tuple(fc.constant(whole), fc.integer({ min: 1, max: whole.length - 1 })));

const cut = ([whole, count]: readonly [number[], number]) => ({
  whole,
  known: whole.slice(0, count),
  rest: {
    energy: whole.slice(count).reduce((sum, x) => sum + x * x, 0),
    directions: whole.length - count,
  },
});
const share = fc.double({ min: 0.01, max: 0.999, noNaN: true });

describe('a spectrum that leaves out a rest', () => {
  it('has the errors and the stable rank of the whole spectrum', () => {
    fc.assert(
      fc.property(cutSpectra, (given) => {
        const { whole, known, rest } = cut(given);
        for (let rank = 0; rank <= known.length; rank++) {
          const off = truncationError(known, rank, rest.energy) - truncationError(whole, rank);
          assert.ok(Math.abs(off) < 1e-12);
        }
        assert.ok(Math.abs(stableRank(known, rest.energy) - stableRank(whole)) < 1e-9);
      }),
    );
  });

  it('gets the ranks of the whole spectrum, or all its own directions', () => {
    fc.assert(
      fc.property(cutSpectra, share, (given, wanted) => {
        const { whole, known, rest } = cut(given);
        const own = (rank: number): number => Math.min(rank, known.length);
        assert.equal(energyRank(known, wanted, rest.energy), own(energyRank(whole, wanted)));
        assert.equal(toleranceRank(known, wanted, rest.energy), own(toleranceRank(whole, wanted)));
      }),
    );
  });

  it('never keeps less of Σσ than requested, if it can', () => {
    fc.assert(
      fc.property(cutSpectra, share, (given, wanted) => {
        const { whole, known, rest } = cut(given);
        const rank = cumulativeRank(known, wanted, rest);
        assert.ok(rank >= Math.min(cumulativeRank(whole, wanted), known.length));
      }),
    );
    // All are equal, so Cauchy–Schwarz is exact.
    assert.equal(cumulativeRank([1, 1, 1, 1], 0.5, { energy: 4, directions: 4 }), 4);
    assert.equal(cumulativeRank([1, 1, 1, 1], 0.25, { energy: 4, directions: 4 }), 2);
  });

  it('bends where the whole spectrum bends, if it includes that place', () => {
    const whole = [10, 9, 8, ...Array<number>(40).fill(1)];
    assert.equal(kneeRank(whole), 3);
    for (const count of [4, 10, 30]) {
      const { known, rest } = cut([whole, count]);
      assert.equal(kneeRank(known, rest), 3);
    }
    const { known, rest } = cut([whole, 2]);
    assert.equal(kneeRank(known, rest), 2);
  });

  it('does not bend elsewhere because of a rest that is only rounding', () => {
    const sigma = Array.from({ length: 16 }, (_, i) => (i + 1) ** -1);
    assert.equal(kneeRank(sigma, { energy: 1e-15, directions: 4000 }), kneeRank(sigma));
  });
});
