import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cumulativeRank } from '../../../src/core/policy/cumulative-rank.ts';
import { energyRank } from '../../../src/core/policy/energy-rank.ts';
import { kohyaRank } from '../../../src/core/policy/kohya-rank.ts';
import { ratioRank } from '../../../src/core/policy/ratio-rank.ts';
import fc from '../../fast-check.ts';
import { flat, spectra, steep } from './spectra.ts';

type Method = 'sv_fro' | 'sv_ratio' | 'sv_cumulative';

/**
 * The rank that `resize_lora.py` of sd-scripts gives a module, in float64, written again from what the
 * program does (kohya-ss/sd-scripts, commit 48d368fa, networks/resize_lora.py: index_sv_fro, index_sv_ratio,
 * index_sv_cumulative, rank_resize):
 *
 *
 * 1. The leading directions that the method wants are counted. sv_ratio: those above σ₁ / parameter.
 * sv_cumulative: as many as hold that share of Σσ. sv_fro: as many as hold that share of ‖ΔW‖, which is the
 * squared share of Σσ².
 * 2. The count is limited to at least 1 and at most one less than there are singular values.
 * 3. One direction is added.
 * 4. An update whose σ₁ is at most 1e-6 gets rank 1, any other at most `--new_rank`.
 * @param sigma all min(m, n) singular values of ΔW, descending, at least two
 */
function resizedRank(sigma: Float64Array, method: Method, parameter: number, newRank: number): number {
  if (sigma[0]! <= 1e-6) return 1;
  const wanted = Math.min(Math.max(1, counted(sigma, method, parameter)), sigma.length - 1);
  return Math.min(wanted + 1, newRank);
}

function counted(sigma: Float64Array, method: Method, parameter: number): number {
  if (method === 'sv_ratio') return sigma.filter((value) => value > sigma[0]! / parameter).length;
  const [weights, share] =
    method === 'sv_fro' ? [sigma.map((value) => value ** 2), parameter ** 2] : [sigma, parameter];
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let held = 0;
  for (const [index, weight] of weights.entries()) {
    held += weight;
    if (held / total >= share) return index + 1;
  }
  return weights.length + 1;
}

/**
 * The policy that docs/policies.md gives for each method; a share of the norm is squared to be a share of the
 * energy.
 */
const POLICIES: Readonly<Record<Method, (sigma: Float64Array, parameter: number) => number>> = {
  sv_fro: (sigma, share) => energyRank(sigma, share ** 2),
  sv_ratio: ratioRank,
  sv_cumulative: (sigma, share) => cumulativeRank(sigma, share),
};
const METHODS = Object.keys(POLICIES) as Method[];

/** The rank of a target with compat: `kohyaRank`, at most max_rank and at most all directions. */
const compatible = (sigma: Float64Array, method: Method, parameter: number, newRank: number): number =>
  Math.min(kohyaRank(POLICIES[method](sigma, parameter), sigma[0]!), newRank, sigma.length);

describe('the dynamic methods of kohya', () => {
  const UNCAPPED = 1000;

  it('keep one direction more than the policy with the same parameter', () => {
    const spectrum = Float64Array.of(8, 4, 2, 1, 0.5, 0.25);
    const cases: readonly (readonly [Method, parameter: number, here: number, kohya: number])[] = [
      ['sv_ratio', 2, 1, 2],
      ['sv_ratio', 4.1, 3, 4],
      ['sv_fro', 0.9, 2, 3],
      ['sv_fro', Math.sqrt(0.9), 2, 3],
      ['sv_fro', 0.99, 3, 4],
      ['sv_cumulative', 0.5, 1, 2],
      ['sv_cumulative', 0.8, 3, 4],
    ];
    for (const [method, parameter, here, kohya] of cases) {
      assert.equal(POLICIES[method](spectrum, parameter), here, `${method} ${parameter}`);
      assert.equal(resizedRank(spectrum, method, parameter, UNCAPPED), kohya, `${method} ${parameter}`);
    }
  });

  it('end at all directions: if the policy keeps all of them both do, and if it keeps all but one kohya does', () => {
    const spectrum = Float64Array.of(4, 3, 2, 1);
    for (const [parameter, here] of [
      [3.9, 3],
      [4.1, 4],
    ] as const) {
      assert.equal(ratioRank(spectrum, parameter), here);
      assert.equal(resizedRank(spectrum, 'sv_ratio', parameter, UNCAPPED), 4);
    }
    for (const method of METHODS)
      assert.equal(resizedRank(flat(5), method, 1, UNCAPPED), method === 'sv_ratio' ? 2 : 5);
  });

  it('keep a direction of zeros if an adapter has fewer directions than its matrix: rank 3 of 6', () => {
    const padded = Float64Array.of(3, 2, 1, 0, 0, 0);
    for (const [method, parameter] of [
      ['sv_fro', 1],
      ['sv_ratio', 10],
      ['sv_cumulative', 1],
    ] as const) {
      assert.equal(POLICIES[method](padded, parameter), 3, method);
      assert.equal(resizedRank(padded, method, parameter, UNCAPPED), 4, method);
      assert.equal(
        resizedRank(padded, method, parameter, 3),
        3,
        'unless --new_rank is the rank of the adapter',
      );
    }
  });

  it('are limited by --new_rank, so that both agree if max_rank limits the policy', () => {
    const spectrum = steep(40, 1.1);
    for (const method of METHODS) {
      const parameter = method === 'sv_ratio' ? 2.5 : 0.9;
      const here = POLICIES[method](spectrum, parameter);
      assert.ok(here > 4, method);
      for (const cap of [1, 2, here - 1, here]) {
        assert.equal(resizedRank(spectrum, method, parameter, cap), Math.min(here, cap), `${method} ${cap}`);
      }
      assert.equal(resizedRank(spectrum, method, parameter, here + 1), here + 1);
    }
  });

  it('give 1 for an update of zero, like the policies, and for one of at most 1e-6', () => {
    for (const method of METHODS) {
      assert.equal(resizedRank(new Float64Array(4), method, 0.9, UNCAPPED), 1);
      assert.equal(POLICIES[method](new Float64Array(4), method === 'sv_ratio' ? 2 : 0.9), 1);
      const small = Float64Array.of(1e-6, 9e-7, 8e-7);
      assert.equal(resizedRank(small, method, method === 'sv_ratio' ? 10 : 1, UNCAPPED), 1);
      assert.equal(POLICIES[method](small, method === 'sv_ratio' ? 10 : 1), 3);
    }
  });

  for (const method of METHODS) {
    it(`${method}: agrees with compat for any spectrum, parameter and limit`, () => {
      const parameters =
        method === 'sv_ratio'
          ? fc.double({ min: 1.001, max: 1e6, noNaN: true })
          : fc.double({ min: 0.01, max: 0.999, noNaN: true });
      fc.assert(
        fc.property(spectra, parameters, fc.integer({ min: 1, max: 50 }), (sigma, parameter, cap) => {
          fc.pre(sigma.length >= 2);
          // At a tie the last bit decides.
          const near = [1 - 1e-9, 1 + 1e-9].map((nudge) =>
            resizedRank(sigma, method, parameter * nudge, cap),
          );
          fc.pre(near[0] === near[1]);
          assert.equal(resizedRank(sigma, method, parameter, cap), compatible(sigma, method, parameter, cap));
        }),
      );
    });
  }
});
