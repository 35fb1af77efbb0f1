import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { energyRank } from '../../src/core/policy/energy-rank.ts';
import {
  effectiveRank,
  energyCurve,
  numericalRank,
  roundToResolution,
  stableRank,
  truncationError,
} from '../../src/core/spectrum.ts';
import fc from '../fast-check.ts';

const spectra = fc
  .array(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 40 })
  .map((values) => values.sort((x, y) => y - x));

describe('resolved singular values', () => {
  it('are 0 below 1e-7 of the largest value and unchanged above', () => {
    assert.deepEqual(roundToResolution([2, 1e-6, 3e-7, 1e-7, 0]), [2, 1e-6, 3e-7, 0, 0]);
    assert.deepEqual(roundToResolution([0, 0]), [0, 0]);
    assert.deepEqual(roundToResolution([]), []);
  });
});

describe('the energy curve', () => {
  it('is the share of Σσ² at each rank', () => {
    assert.deepEqual(energyCurve([4, 3], 25), [16 / 25, 1]);
  });

  it('counts energy outside the known directions as missing', () => {
    assert.deepEqual(energyCurve([4], 25), [16 / 25]);
  });

  it('never exceeds 1 by rounding, and is 1 for an update of zero', () => {
    assert.deepEqual(energyCurve([1, 1], 2 - 1e-12), [1 / (2 - 1e-12), 1]);
    assert.deepEqual(energyCurve([0, 0], 0), [1, 1]);
  });

  it('ascends', () => {
    fc.assert(
      fc.property(spectra, (sigma) => {
        const curve = energyCurve(
          sigma,
          sigma.reduce((sum, x) => sum + x * x, 0),
        );
        for (let i = 1; i < curve.length; i++) assert.ok(curve[i]! >= curve[i - 1]!);
        assert.ok(Math.abs(curve.at(-1)! - 1) < 1e-12);
      }),
    );
  });
});

describe('the truncation error', () => {
  it('is the tail of the spectrum', () => {
    assert.equal(truncationError([4, 3], 0), 1);
    assert.equal(truncationError([4, 3], 1), 0.6);
    assert.equal(truncationError([4, 3], 2), 0);
    assert.equal(truncationError([4, 3], 9), 0);
    assert.equal(truncationError([0, 0], 1), 0);
  });

  it('stays exact when almost nothing is cut off', () => {
    assert.ok(Math.abs(truncationError([1, 1e-12], 1) / 1e-12 - 1) < 1e-9);
  });

  it('agrees with the energy curve', () => {
    fc.assert(
      fc.property(spectra, fc.nat(40), (sigma, rank) => {
        const kept =
          rank === 0
            ? 0
            : energyCurve(
                sigma,
                sigma.reduce((sum, x) => sum + x * x, 0),
              )[Math.min(rank, sigma.length) - 1]!;
        assert.ok(Math.abs(truncationError(sigma, rank) ** 2 - (1 - kept)) < 1e-12);
      }),
    );
  });
});

describe('the numerical rank', () => {
  it('counts the directions that are distinguishable from zero', () => {
    assert.equal(numericalRank([2, 1e-6, 3e-7, 1e-7, 0]), 3);
    assert.equal(numericalRank([0, 0]), 0);
    assert.equal(numericalRank([]), 0);
  });
});

for (const [name, rankOf] of [
  ['effective', effectiveRank],
  ['stable', stableRank],
] as const) {
  describe(`the ${name} rank`, () => {
    it('is the number of directions if all are equal', () => {
      for (const n of [1, 2, 7, 64]) {
        assert.ok(Math.abs(rankOf(Array<number>(n).fill(0.3)) - n) < 1e-9);
        assert.ok(Math.abs(rankOf([...Array<number>(n).fill(0.3), 0, 0]) - n) < 1e-9);
      }
    });

    it('is 0 for an update of zero', () => {
      assert.equal(rankOf([0, 0]), 0);
      assert.equal(rankOf([]), 0);
    });

    it('lies between 1 and the number of directions, whatever the size of the update', () => {
      fc.assert(
        fc.property(spectra, fc.constantFrom(1, 1e-200, 1e200), (sigma, scale) => {
          const rank = rankOf(sigma.map((value) => value * scale));
          assert.ok(rank >= 1 - 1e-12 && rank <= sigma.length * (1 + 1e-12));
          assert.ok(Math.abs(rank / rankOf(sigma) - 1) < 1e-9);
        }),
      );
    });
  });
}

describe('the effective and the stable rank', () => {
  it('have the defined values', () => {
    // Shares ½, ¼, ¼: entropy 1.5 ln 2.
    assert.ok(Math.abs(effectiveRank([2, 1, 1]) - 2 ** 1.5) < 1e-12);
    assert.equal(stableRank([2, 1, 1]), 1.5);
  });

  it('differ in weak directions, which the stable rank hardly counts', () => {
    fc.assert(
      fc.property(spectra, (sigma) => {
        assert.ok(stableRank(sigma) <= effectiveRank(sigma) * (1 + 1e-12));
      }),
    );
  });
});

describe('the rank for an energy', () => {
  it('is the smallest that keeps the share', () => {
    const sigma = [4, 3, 0];
    assert.equal(energyRank(sigma, 0.1), 1);
    assert.equal(energyRank(sigma, 0.64), 1);
    assert.equal(energyRank(sigma, 0.6401), 2);
    assert.equal(energyRank(sigma, 1), 2);
  });

  it('is 1 for an update of zero', () => {
    assert.equal(energyRank([0, 0], 0.9), 1);
    assert.equal(energyRank([], 0.9), 1);
  });

  it('keeps the share, and one direction less does not', () => {
    fc.assert(
      fc.property(spectra, fc.double({ min: 0.01, max: 1, noNaN: true }), (sigma, share) => {
        const rank = energyRank(sigma, share);
        const retained = (k: number): number => 1 - truncationError(sigma, k) ** 2;
        assert.ok(retained(rank) >= share - 1e-9);
        if (rank > 1) assert.ok(retained(rank - 1) < share + 1e-9);
      }),
    );
  });
});
