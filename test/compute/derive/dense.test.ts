import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Derivation, MatrixSource } from '../../../src/adapter/staging-plan.ts';
import { diagonal, gaussianMatrix, orthonormalColumns } from '../../oracle/known-matrices.ts';
import {
  frobenius,
  type Matrix,
  multiply,
  singularValues,
  tailShare,
  transpose,
} from '../../oracle/linear-algebra.ts';
import { computeFixture } from '../../squeeze/compute-fixture.ts';
import { planOf, Source, staging } from '../../squeeze/stage/stage-fixture.ts';
import { hadamard, kronecker, minus, tucker } from '../../squeeze/stage/updates.ts';

const compute = computeFixture();
let source: Source;
before(() => {
  source = new Source();
});
after(() => source.remove());

const withSpectrum = (m: number, n: number, of: (i: number) => number, seed = 1): Matrix => {
  const count = Math.min(m, n);
  const sigma = Array.from({ length: count }, (_, i) => of(i));
  return multiply(
    multiply(orthonormalColumns(m, count, seed), diagonal(sigma)),
    transpose(orthonormalColumns(n, count, seed + 1)),
  );
};

const denseOf = (given: Matrix, rank: number) => {
  const { entry, matrix: update } = source.add('q_proj.diff', given);
  const derivation: Derivation = {
    ...{ kind: 'dense', module: 'q_proj', m: update.rows, n: update.columns, rank },
    update: entry,
  };
  return { derivation, update };
};

/**
 * Stages an approximation and compares it with the oracle's SVD of ΔW. @returns its excess over the least
 * error
 */
async function judged(derivation: Derivation, update: Matrix): Promise<{ error: number; excess: number }> {
  const { tensors, residuals } = await staging(compute.pool, source, planOf([derivation]));
  const { module, rank } = derivation;
  const product = multiply(tensors.get(`${module}.b`)!, tensors.get(`${module}.a`)!);
  const left = minus(update, product);
  const [whole, lost, kept] = [update, left, product].map((each) => frobenius(each) ** 2) as [
    number,
    number,
    number,
  ];
  const residual = residuals.get(module) ?? 0;
  assert.ok(Math.abs(residual - lost) <= 1e-9 * lost + 1e-28 * whole, `${residual} for ${lost}`);
  // Orthogonal factors, so that energies add up, to the rounding of the factors.
  assert.ok(Math.abs(kept + residual - whole) <= 1e-7 * whole, `${kept} + ${residual} for ${whole}`);
  const inProduct = frobenius(multiply(transpose(tensors.get(`${module}.b`)!), left));
  assert.ok(inProduct <= 1e-6 * frobenius(tensors.get(`${module}.b`)!) * Math.sqrt(whole));
  const error = Math.sqrt(lost / whole);
  const least = tailShare(singularValues(update), rank);
  return { error, excess: error / least - 1 };
}

const DECAYING: readonly [string, (i: number) => number][] = [
  ['i^-1.4', (i) => (i + 1) ** -1.4],
  ['i^-0.7', (i) => (i + 1) ** -0.7],
  ['i^-0.5', (i) => (i + 1) ** -0.5],
  ['0.9^i', (i) => 0.9 ** i],
  ['0.7^i', (i) => 0.7 ** i],
  ['a step', (i) => (i < 20 ? 1 : 1e-3)],
];
const FLAT: readonly [string, (i: number) => number][] = [
  ['i^-0.3', (i) => (i + 1) ** -0.3],
  ['i^-0.1', (i) => (i + 1) ** -0.1],
  ['flat', () => 1],
];

describe('an update that is stored as a matrix', () => {
  for (const [name, of] of DECAYING)
    it(`has the best approximation: ${name}`, async () => {
      for (const [m, n, rank] of [
        [130, 110, 16],
        [90, 140, 24],
      ] as const) {
        const { derivation, update } = denseOf(withSpectrum(m, n, of), rank);
        const { excess } = await judged(derivation, update);
        assert.ok(Math.abs(excess) <= 1e-6, `excess ${excess} at ${m}×${n}`);
      }
    });

  for (const [name, of] of FLAT)
    it(`is approximated to 1e-3 of the least error if the spectrum hardly falls: ${name}`, async () => {
      const { derivation, update } = denseOf(withSpectrum(150, 130, of), 20);
      const { excess } = await judged(derivation, update);
      assert.ok(excess >= -1e-9 && excess <= 1e-3, `excess ${excess}`);
    });

  it('is reproduced if its rank is not larger than requested, and at its full rank', async () => {
    const low = multiply(gaussianMatrix(60, 5, 1), gaussianMatrix(5, 70, 2));
    for (const [given, rank] of [
      [low, 5],
      [low, 16],
      [gaussianMatrix(7, 40, 3), 7],
      [gaussianMatrix(40, 7, 4), 7],
      [gaussianMatrix(1, 1, 5), 1],
    ] as const) {
      const { derivation, update } = denseOf(given, rank);
      const { error } = await judged(derivation, update);
      assert.ok(error <= 2e-7, `error ${error}`);
    }
  });

  it('keeps the directions of a steep spectrum, down to the rounding of float32', async () => {
    const { derivation, update } = denseOf(
      withSpectrum(80, 60, (i) => 0.5 ** i),
      20,
    );
    const { error } = await judged(derivation, update);
    assert.ok(error <= 1.1e-6, `error ${error} where ${0.5 ** 20} is the least`);
  });

  it('may be zero', async () => {
    const zero = gaussianMatrix(20, 30, 1);
    zero.data.fill(0);
    const { derivation } = denseOf(zero, 4);
    const { tensors, residuals } = await staging(compute.pool, source, planOf([derivation]));
    assert.equal(residuals.size, 0);
    for (const factor of ['a', 'b']) assert.ok(tensors.get(`q_proj.${factor}`)!.data.every((x) => x === 0));
  });

  it('may be tiny or huge', async () => {
    for (const scale of [1e-30, 1e30]) {
      const { derivation, update } = denseOf(
        withSpectrum(60, 50, (i) => scale / (i + 1)),
        8,
      );
      const { excess } = await judged(derivation, update);
      assert.ok(Math.abs(excess) <= 1e-6, `excess ${excess} at ${scale}`);
    }
  });

  it('gives the same bytes whether it is read whole or in blocks, and each time', async () => {
    // 8 rows of 300 000 numbers are two blocks.
    const [m, n] = [8, 300_000];
    const given = multiply(gaussianMatrix(m, 3, 1), gaussianMatrix(3, n, 2));
    const { derivation, update } = denseOf(given, 3);
    const plan = planOf([derivation]);
    const { bytes, tensors } = await staging(compute.pool, source, plan);
    const off = frobenius(minus(multiply(tensors.get('q_proj.b')!, tensors.get('q_proj.a')!), update));
    assert.ok(off <= 2e-7 * frobenius(update), `${off}`);
    assert.deepEqual((await staging(compute.pool, source, plan)).bytes, bytes);
  });
});

describe('an update of another kind at less than its own rank', () => {
  const module = 'q_proj';

  it('is approximated: a LoHa', async () => {
    const parts = [
      gaussianMatrix(70, 6, 1),
      gaussianMatrix(6, 60, 2),
      gaussianMatrix(70, 6, 3),
      gaussianMatrix(6, 60, 4),
    ];
    const [w1a, w1b, w2a, w2b] = parts.map((part, i) => source.add(`hada ${i}`, part));
    const derivation: Derivation = {
      ...{ kind: 'hadamard', module, m: 70, n: 60, rank: 12 },
      ...{ w1a: w1a!.entry, w1b: w1b!.entry, w2a: w2a!.entry, w2b: w2b!.entry },
    };
    const update = hadamard(multiply(w1a!.matrix, w1b!.matrix), multiply(w2a!.matrix, w2b!.matrix));
    const { excess } = await judged(derivation, update);
    assert.ok(excess >= -1e-9 && excess <= 1e-3, `excess ${excess}`);
  });

  it('is approximated: a LoHa with cores', async () => {
    const kernel = 3;
    const side = (seed: number) => ({
      t: source.add(`t ${seed}`, gaussianMatrix(4, 5 * kernel, seed)),
      a: source.add(`a ${seed}`, gaussianMatrix(4, 40, seed + 1)),
      b: source.add(`b ${seed}`, gaussianMatrix(5, 16, seed + 2)),
    });
    const sides = [side(10), side(20)];
    const [x, y] = sides.map(({ t, a, b }) => ({ t: t.entry, a: a.entry, b: b.entry }));
    const derivation: Derivation = {
      ...{ kind: 'hadamard-tucker', module, m: 40, n: 16 * kernel, rank: 8 },
      ...{ kernel, sides: [x!, y!] },
    };
    const [left, right] = sides.map(({ t, a, b }) => tucker(t.matrix, a.matrix, b.matrix, kernel));
    const { excess } = await judged(derivation, hadamard(left!, right!));
    assert.ok(excess >= -1e-9 && excess <= 1e-3, `excess ${excess}`);
  });

  it('is approximated: a LoKr of full matrices, of products and of a core', async () => {
    const [w1, w2] = [source.add('w1', gaussianMatrix(4, 5, 1)), source.add('w2', gaussianMatrix(20, 18, 2))];
    const [p, q] = [source.add('p', gaussianMatrix(20, 6, 3)), source.add('q', gaussianMatrix(6, 18, 4))];
    const [t, a, b] = [
      source.add('t', gaussianMatrix(6, 4 * 3, 5)),
      source.add('a', gaussianMatrix(6, 20, 6)),
      source.add('b', gaussianMatrix(4, 6, 7)),
    ];
    const second: [MatrixSource | { t: typeof t.entry; a: typeof a.entry; b: typeof b.entry }, Matrix][] = [
      [w2.entry, w2.matrix],
      [{ left: p.entry, right: q.entry }, multiply(p.matrix, q.matrix)],
      [{ t: t.entry, a: a.entry, b: b.entry }, tucker(t.matrix, a.matrix, b.matrix, 3)],
    ];
    for (const [given, full] of second) {
      const derivation: Derivation = {
        ...{ kind: 'kronecker', module, m: 80, n: 90, rank: 10, kernel: 3 },
        ...{ w1: w1.entry, w2: given },
      };
      const { excess } = await judged(derivation, kronecker(w1.matrix, full));
      assert.ok(excess >= -1e-9 && excess <= 1e-3, `excess ${excess}`);
    }
  });
});
