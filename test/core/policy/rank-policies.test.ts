import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cumulativeRank } from '../../../src/core/policy/cumulative-rank.ts';
import { energyRank } from '../../../src/core/policy/energy-rank.ts';
import { ratioRank } from '../../../src/core/policy/ratio-rank.ts';
import { toleranceRank } from '../../../src/core/policy/tolerance-rank.ts';
import { numericalRank, truncationError } from '../../../src/core/spectrum.ts';
import fc from '../../fast-check.ts';
import { flat, scales, spectra, steep } from './spectra.ts';

type Policy = (sigma: Float64Array, parameter: number) => number;

interface Case {
  readonly name: string;
  readonly policy: Policy;
  /** Parameters of the policy, mapped so that a larger one asks for a larger rank. */
  readonly parameters: fc.Arbitrary<number>;
  readonly rising: boolean;
}

const share = fc.double({ min: 1e-6, max: 1, noNaN: true });
const POLICIES: readonly Case[] = [
  { name: 'energy', policy: energyRank, parameters: share, rising: true },
  { name: 'cumulative', policy: cumulativeRank, parameters: share, rising: true },
  {
    name: 'ratio',
    policy: ratioRank,
    parameters: fc.double({ min: 1, max: 1e7, noNaN: true }),
    rising: true,
  },
  {
    name: 'tolerance',
    policy: toleranceRank,
    parameters: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    rising: false,
  },
];

const sum = (values: ArrayLike<number>, count = values.length): number =>
  Array.from(values)
    .slice(0, count)
    .reduce((total, value) => total + value, 0);

for (const { name, policy, parameters, rising } of POLICIES) {
  describe(`every rank policy: ${name}`, () => {
    it('gives a rank from 1 to the number of non-zero singular values', () => {
      fc.assert(
        fc.property(spectra, parameters, (sigma, parameter) => {
          const rank = policy(sigma, parameter);
          assert.ok(Number.isInteger(rank) && rank >= 1 && rank <= sigma.filter((x) => x > 0).length);
        }),
      );
    });

    it('gives 1 for an update of zero, and for an empty spectrum', () => {
      fc.assert(
        fc.property(parameters, fc.nat(5), (parameter, n) => {
          assert.equal(policy(new Float64Array(n), parameter), 1);
        }),
      );
    });

    it('gives no smaller rank when more is demanded', () => {
      fc.assert(
        fc.property(spectra, parameters, parameters, (sigma, x, y) => {
          const [low, high] = [policy(sigma, Math.min(x, y)), policy(sigma, Math.max(x, y))];
          assert.ok(rising ? low <= high : low >= high);
        }),
      );
    });

    it('does not depend on the size of the update', () => {
      fc.assert(
        fc.property(spectra, parameters, scales, (sigma, parameter, scale) => {
          const scaled = sigma.map((value) => value * scale);
          assert.equal(policy(scaled, parameter), policy(sigma, parameter));
        }),
      );
    });

    it('does not depend on trailing zeros', () => {
      fc.assert(
        fc.property(spectra, parameters, (sigma, parameter) => {
          assert.equal(policy(Float64Array.from([...sigma, 0, 0]), parameter), policy(sigma, parameter));
        }),
      );
    });
  });
}

describe('the rank for a ratio', () => {
  it('counts the values above σ₁ / ratio', () => {
    const sigma = Float64Array.of(8, 4, 2, 1);
    const cases: [ratio: number, rank: number][] = [
      [1, 1],
      [1.9, 1],
      [2, 1],
      [2.01, 2],
      [4.01, 3],
      [8, 3],
      [8.01, 4],
      [1e7, 4],
    ];
    for (const [ratio, rank] of cases) assert.equal(ratioRank(sigma, ratio), rank, `ratio ${ratio}`);
    assert.equal(ratioRank(flat(5), 1.01), 5);
  });

  it('keeps every value above the threshold and none below', () => {
    fc.assert(
      fc.property(spectra, fc.double({ min: 1, max: 1e7, noNaN: true }), (sigma, ratio) => {
        const rank = ratioRank(sigma, ratio);
        const threshold = sigma[0]! / ratio;
        for (let i = 1; i < rank; i++) assert.ok(sigma[i]! > threshold);
        for (let i = rank; i < sigma.length; i++) assert.ok(sigma[i]! <= threshold);
      }),
    );
  });
});

describe('the rank for a cumulative share', () => {
  it('counts until the share of Σσ is reached', () => {
    const sigma = Float64Array.of(4, 3, 2, 1);
    const cases: [share: number, rank: number][] = [
      [1e-6, 1],
      [0.4, 1],
      [0.41, 2],
      [0.7, 2],
      [0.9, 3],
      [0.91, 4],
      [1, 4],
    ];
    for (const [wanted, rank] of cases) assert.equal(cumulativeRank(sigma, wanted), rank, `share ${wanted}`);
  });

  it('reaches the share, and one direction less does not', () => {
    fc.assert(
      fc.property(spectra, share, (sigma, wanted) => {
        const rank = cumulativeRank(sigma, wanted);
        const total = sum(sigma);
        assert.ok(sum(sigma, rank) >= wanted * total * (1 - 1e-9));
        if (rank > 1) assert.ok(sum(sigma, rank - 1) < wanted * total * (1 + 1e-9));
      }),
    );
  });

  it('does not count noise, which would add up', () => {
    const noise = Array<number>(1000).fill(0.9e-7);
    assert.equal(cumulativeRank(Float64Array.of(1, 0.5, ...noise), 1), 2);
  });

  it('is larger than the rank for the same share of energy: weak directions weigh more', () => {
    fc.assert(
      fc.property(spectra, share, (sigma, wanted) => {
        assert.ok(cumulativeRank(sigma, wanted) >= Math.min(energyRank(sigma, wanted), numericalRank(sigma)));
      }),
    );
  });
});

describe('the rank for a tolerance', () => {
  it('is the smallest whose truncation is within the tolerance', () => {
    const sigma = Float64Array.of(4, 3);
    const cases: [tolerance: number, rank: number][] = [
      [0, 2],
      [0.59, 2],
      [0.6, 1],
      [0.99, 1],
    ];
    for (const [tolerance, rank] of cases)
      assert.equal(toleranceRank(sigma, tolerance), rank, `tolerance ${tolerance}`);
    assert.equal(toleranceRank(flat(100), 0.1), 99);
    assert.equal(toleranceRank(steep(20, 10), 1e-3), 3);
  });

  it('of 0 keeps every direction that is distinguishable from zero, and no more', () => {
    assert.equal(toleranceRank(Float64Array.of(1, 1e-3, 1.1e-7, 0.9e-7, 1e-12, 0), 0), 3);
    fc.assert(
      fc.property(spectra, (sigma) => {
        assert.equal(toleranceRank(sigma, 0), numericalRank(sigma));
      }),
    );
  });

  it('is within the tolerance, and one rank less is not', () => {
    fc.assert(
      fc.property(spectra, fc.double({ min: 1e-6, max: 0.999, noNaN: true }), (sigma, tolerance) => {
        const rank = toleranceRank(sigma, tolerance);
        assert.ok(truncationError(sigma, rank) <= tolerance * (1 + 1e-9) + 1e-6);
        if (rank > 1) assert.ok(truncationError(sigma, rank - 1) > tolerance * (1 - 1e-9));
      }),
    );
  });

  it('is the energy policy in other words: error² = 1 − energy', () => {
    fc.assert(
      fc.property(spectra, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (sigma, tolerance) => {
        const rank = toleranceRank(sigma, tolerance);
        const energies = [tolerance - 1e-9, tolerance + 1e-9].map((t) => energyRank(sigma, 1 - t * t));
        assert.ok(rank <= energies[0]! && rank >= energies[1]!);
      }),
    );
  });
});

describe('the policies by their names in kohya-ss sd-scripts (networks/resize_lora.py)', () => {
  /** The first count at which the running sum reaches the share. */
  const reached = (values: readonly number[], wanted: number): number => {
    const total = sum(values);
    const index = values.findIndex((_, i) => sum(values, i + 1) / total >= wanted);
    return index < 0 ? values.length : index + 1;
  };
  /** Whether rounding alone could decide. */
  const isTie = (values: readonly number[], wanted: number): boolean =>
    values.some((_, i) => Math.abs(sum(values, i + 1) / sum(values) - wanted) < 1e-9);

  it('sv_fro p is energy p²', () => {
    fc.assert(
      fc.property(spectra, share, (sigma, p) => {
        const squares = [...sigma].map((value) => (value / sigma[0]!) ** 2);
        fc.pre(!isTie(squares, p * p));
        assert.equal(energyRank(sigma, p * p), reached(squares, p * p));
      }),
    );
  });

  it('sv_cumulative c is cumulative c', () => {
    fc.assert(
      fc.property(spectra, share, (sigma, c) => {
        fc.pre(!isTie([...sigma], c));
        assert.equal(cumulativeRank(sigma, c), reached([...sigma], c));
      }),
    );
  });

  it('sv_ratio x is ratio x, which keeps at least σ₁', () => {
    fc.assert(
      fc.property(spectra, fc.double({ min: 1, max: 1e7, noNaN: true }), (sigma, x) => {
        const above = sigma.filter((value) => value > sigma[0]! / x).length;
        assert.equal(ratioRank(sigma, x), Math.max(1, above));
      }),
    );
  });
});
