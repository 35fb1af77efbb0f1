import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Kernels } from '../../src/engine/kernels.ts';
import fc from '../fast-check.ts';
import { factorsWithSpectrum, gaussianMatrix } from '../oracle/known-matrices.ts';
import {
  differenceNorm,
  frobenius,
  matrix,
  multiply,
  productNorm,
  scaled,
  singularValuesOfProduct,
  tailShare,
  transpose,
} from '../oracle/linear-algebra.ts';
import { asFloat32, decomposeStack, type Problem, problem, truncated } from './problem.ts';

const kernels = new Kernels('cpu');
after(() => kernels.close());

const spectrum = (r: number, of: (i: number) => number): number[] =>
  Array.from({ length: r }, (_, i) => of(i));
const slow = (r: number): number[] => spectrum(r, (i) => (i + 1) ** -0.7);

/** Relative error of the engine's truncation divided by the least possible, minus 1. */
function excess(given: Problem, found: Awaited<ReturnType<typeof decomposeStack>>[0], k: number): number {
  const { b, a } = truncated(given, found, k);
  const sigma = singularValuesOfProduct(given.b, given.a);
  const error = differenceNorm(given.b, given.a, 1, b, a, 1) / productNorm(given.b, given.a);
  return error / tailShare(sigma, k) - 1;
}

function assertSpectrum(given: Problem, sigma: Float64Array): void {
  const truth = singularValuesOfProduct(given.b, given.a);
  const largest = truth[0]!;
  for (const [i, value] of truth.entries()) {
    const off = Math.abs(sigma[i]! - value);
    if (value > 1e-3 * largest) assert.ok(off <= 1e-9 * value, `σ${i}: ${sigma[i]} for ${value}`);
    else assert.ok(off <= 1e-7 * largest, `σ${i}: ${sigma[i]} for ${value}, σ₁ = ${largest}`);
  }
  for (let i = truth.length; i < sigma.length; i++) assert.ok(sigma[i]! <= 1e-7 * largest);
}

const EXACT_CASES: readonly [
  string,
  () => { b: ReturnType<typeof matrix>; a: ReturnType<typeof matrix> },
  number,
][] = [
  ['a slow spectrum', () => factorsWithSpectrum(120, 90, slow(32), 1), 16],
  [
    'a steep spectrum',
    () =>
      factorsWithSpectrum(
        120,
        90,
        spectrum(32, (i) => 0.5 ** i),
        2,
      ),
    8,
  ],
  [
    'a spectrum over 12 decades',
    () =>
      factorsWithSpectrum(
        80,
        70,
        spectrum(16, (i) => 10 ** (-0.8 * i)),
        3,
      ),
    4,
  ],
  [
    'repeated singular values',
    () =>
      factorsWithSpectrum(
        60,
        60,
        spectrum(24, (i) => (i < 12 ? 2 : 1)),
        4,
      ),
    12,
  ],
  [
    'all values equal',
    () =>
      factorsWithSpectrum(
        60,
        60,
        spectrum(16, () => 3),
        5,
      ),
    5,
  ],
  ['a rank that is no multiple of the block', () => factorsWithSpectrum(50, 40, slow(21), 6), 10],
  ['rank 1 of 2', () => factorsWithSpectrum(9, 7, [1, 0.5], 7), 1],
  ['a rank of 96', () => factorsWithSpectrum(150, 130, slow(96), 8), 24],
  ['normal factors', () => ({ b: gaussianMatrix(70, 16, 9), a: gaussianMatrix(16, 50, 10) }), 8],
  [
    'a row far larger than the rest',
    () => {
      const { b, a } = factorsWithSpectrum(60, 50, slow(16), 11);
      for (let j = 0; j < a.columns; j++) a.data[3 * a.columns + j]! *= 1e6;
      for (let i = 0; i < b.rows; i++) b.data[i * 16 + 3]! *= 1e-6;
      return { b, a };
    },
    8,
  ],
  [
    'a tall and a flat factor: r above min(m, n)',
    () => ({ b: gaussianMatrix(6, 16, 12), a: gaussianMatrix(16, 40, 13) }),
    3,
  ],
];

describe('the exact decomposition', () => {
  for (const [name, make, k] of EXACT_CASES) {
    it(`is optimal and has the right spectrum: ${name}`, async () => {
      const given = problem(name, make());
      const [found] = await decomposeStack(kernels, [given]);
      assert.ok(found!.converged);
      assertSpectrum(given, found!.sigma);
      const worse = excess(given, found!, k);
      assert.ok(Math.abs(worse) <= 1e-6, `excess ${worse}`);
      assert.ok(Math.abs(found!.energy / productNorm(given.b, given.a) ** 2 - 1) < 1e-12);
    });
  }

  it('gives orthonormal columns B·p, and rows r·A with norms σ', async () => {
    const given = problem('orthonormal', factorsWithSpectrum(60, 50, slow(16), 20));
    const [found] = await decomposeStack(kernels, [given]);
    const { b, a } = truncated(given, found!, 16);
    const gram = multiply(transpose(b), b);
    for (let i = 0; i < 16; i++) gram.data[i * 16 + i]! -= 1;
    assert.ok(frobenius(gram) < 1e-10, `${frobenius(gram)}`);
    for (let i = 0; i < 16; i++) {
      const row = a.data.subarray(i * a.columns, (i + 1) * a.columns);
      assert.ok(Math.abs(Math.hypot(...row) / found!.sigma[i]! - 1) < 1e-9);
    }
  });

  // Below 1e-7 of the largest norm, the Gram matrices contain only rounding. A direction made of rounding
  // spoiled one of 25 of these.
  it('never returns rounding as a direction, whatever the numbers', async () => {
    const sigma = spectrum(40, (i) => 10 ** -i);
    const given = Array.from({ length: 100 }, (_, seed) =>
      problem(`seed ${seed}`, factorsWithSpectrum(44, 57, sigma, seed)),
    );
    const found = await decomposeStack(kernels, given);
    for (const [i, each] of given.entries()) {
      assertSpectrum(each, found[i]!.sigma);
      const worse = excess(each, found[i]!, 1);
      assert.ok(Math.abs(worse) <= 1e-6, `${each.name}: excess ${worse}`);
    }
  });

  it('loses nothing at full rank', async () => {
    const given = problem('full', factorsWithSpectrum(60, 50, slow(16), 21));
    const [found] = await decomposeStack(kernels, [given]);
    const { b, a } = truncated(given, found!, 16);
    assert.ok(differenceNorm(given.b, given.a, 1, b, a, 1) < 1e-12 * productNorm(given.b, given.a));
  });

  it('handles B = 0, A = 0 and both correctly', async () => {
    const zeroB = problem('b', { b: matrix(20, 8), a: gaussianMatrix(8, 30, 1) });
    const zeroA = problem('a', { b: gaussianMatrix(20, 8, 1), a: matrix(8, 30) });
    const nothing = problem('0', { b: matrix(20, 8), a: matrix(8, 30) });
    for (const found of await decomposeStack(kernels, [zeroB, zeroA, nothing])) {
      assert.equal(found.energy, 0);
      assert.ok(
        found.sigma.every((value) => value === 0),
        String(found.sigma),
      );
      assert.ok([...found.directions.p, ...found.directions.r].every(Number.isFinite));
      assert.ok(found.converged);
    }
  });

  it('finds the true rank of rank-deficient factors', async () => {
    const b = multiply(gaussianMatrix(40, 3, 30), gaussianMatrix(3, 16, 31));
    const given: Problem = { name: 'deficient', b, a: problem('', { b, a: gaussianMatrix(16, 50, 32) }).a };
    const rounded = { ...given, b: problem('', { b, a: given.a }).b };
    const [found] = await decomposeStack(kernels, [rounded]);
    assertSpectrum(rounded, found!.sigma);
    const { b: left, a: right } = truncated(rounded, found!, 3);
    const error = differenceNorm(rounded.b, rounded.a, 1, left, right, 1) / productNorm(rounded.b, rounded.a);
    assert.ok(error < 1e-6, `${error}`);
  });

  it('handles columns of B that are zero or copies of each other', async () => {
    const b = gaussianMatrix(40, 8, 33);
    for (let i = 0; i < b.rows; i++) {
      b.data[i * 8 + 5] = b.data[i * 8 + 2]!;
      b.data[i * 8 + 6] = 0;
    }
    const given = problem('copies', { b, a: gaussianMatrix(8, 30, 34) });
    const [found] = await decomposeStack(kernels, [given]);
    assertSpectrum(given, found!.sigma);
    assert.ok(Math.abs(excess(given, found!, 3)) <= 1e-6);
  });

  it('handles a single row and a single column', async () => {
    for (const [m, n] of [
      [1, 40],
      [40, 1],
      [1, 1],
    ] as const) {
      const given = problem('thin', { b: gaussianMatrix(m, 4, 40), a: gaussianMatrix(4, n, 41) });
      const [found] = await decomposeStack(kernels, [given]);
      const { b, a } = truncated(given, found!, 1);
      const error = differenceNorm(given.b, given.a, 1, b, a, 1) / productNorm(given.b, given.a);
      assert.ok(error < 1e-7, `${m}×${n}: ${error}`);
    }
  });

  it('handles tiny and huge factors', async () => {
    const base = factorsWithSpectrum(60, 50, slow(16), 50);
    for (const [left, right] of [
      [1e-30, 1e-30],
      [1e30, 1e30],
      [1e30, 1e-30],
      [1e-38, 1],
    ] as const) {
      const given = problem('size', { b: scaled(base.b, left), a: scaled(base.a, right) });
      const [found] = await decomposeStack(kernels, [given]);
      const truth = singularValuesOfProduct(given.b, given.a);
      for (let i = 0; i < 16; i++)
        assert.ok(Math.abs(found!.sigma[i]! / truth[i]! - 1) < 1e-9, `${left} ${right}`);
    }
  });
});

describe('any decomposition', () => {
  it('is finite and optimal down to its resolution, whatever the ranks, sizes and scales', async () => {
    const dimension = fc.integer({ min: 1, max: 40 });
    const exponent = fc.integer({ min: -12, max: 12 });
    await fc.assert(
      fc.asyncProperty(
        dimension,
        dimension,
        fc.integer({ min: 2, max: 24 }),
        fc.integer({ min: 1, max: 24 }),
        exponent,
        exponent,
        fc.nat(1000),
        fc.boolean(),
        async (m, n, r, inner, sizeB, sizeA, seed, isSketched) => {
          // B has at most rank `inner`; both factors may be far from balanced.
          const b = scaled(
            multiply(gaussianMatrix(m, inner, seed), gaussianMatrix(inner, r, seed + 1)),
            10 ** sizeB,
          );
          const given = problem('any', { b, a: scaled(gaussianMatrix(r, n, seed + 2), 10 ** sizeA) });
          const [found] = await decomposeStack(
            kernels,
            [given],
            isSketched ? { variant: 'randomised', columns: 16 } : {},
          );
          assert.ok(
            found!.converged &&
              [...found!.directions.p, ...found!.directions.r, ...found!.sigma].every(Number.isFinite),
          );
          const sigma = singularValuesOfProduct(given.b, given.a);
          const norm = productNorm(given.b, given.a);
          for (const k of [1, Math.ceil(r / 2)]) {
            if (k > 16) continue;
            const { b: left, a: right } = truncated(given, found!, k);
            const error = differenceNorm(given.b, given.a, 1, left, right, 1) / norm;
            const optimum = tailShare(sigma, k);
            const allowed = optimum * (isSketched ? 1.1 : 1 + 1e-6) + 1e-5;
            assert.ok(error <= allowed, `rank ${k}: ${error}, optimum ${optimum}`);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('the randomised decomposition', () => {
  const k = 8;
  const columns = 32;
  const cases = [
    ['slow', slow(64), 1e-4],
    ['steep', spectrum(64, (i) => 0.8 ** i), 1e-4],
    ['a cliff after k', spectrum(64, (i) => (i < k ? 1 : 0.01)), 1e-4],
    ['nearly flat', spectrum(64, (i) => 1 - i / 1000), 1e-4],
    ['flat', spectrum(64, () => 1), 1e-4],
    ['falling slowly', spectrum(64, (i) => (i + 1) ** -0.1), 1e-4],
    ['linear', spectrum(64, (i) => 1 - (0.8 * i) / 64), 1e-4],
    ['a step beyond the sketch', spectrum(64, (i) => (i < 40 ? 1 : 0.99)), 1e-4],
    ['a cluster around the cut', spectrum(64, (i) => (i < 6 ? 1 : i < 20 ? 0.5 : 0.49)), 1e-4],
    ['graded, then flat', spectrum(64, (i) => (i < 4 ? 10 ** (4 - i) : 1 - i / 500)), 1e-4],
  ] as const;

  for (const [name, sigma, allowed] of cases) {
    it(`comes within ${allowed} of the optimum without refinement, and never below it: ${name}`, async () => {
      const given = problem(name, factorsWithSpectrum(140, 120, sigma, 60));
      const [found] = await decomposeStack(kernels, [given], { variant: 'randomised', columns });
      const worse = excess(given, found!, k);
      assert.ok(worse <= allowed && worse > -1e-9, `excess ${worse} after ${found!.iterations} iterations`);
      assert.ok(found!.iterations >= 1 && found!.iterations < 64);
    });
  }

  it('improves with every power iteration', async () => {
    const given = problem('power', factorsWithSpectrum(140, 120, slow(64), 61));
    const errors = [];
    for (const maxIterations of [0, 1, 2, 4]) {
      const [found] = await decomposeStack(kernels, [given], {
        variant: 'randomised',
        columns,
        maxIterations,
        tolerance: Number.NEGATIVE_INFINITY,
      });
      assert.equal(found!.iterations, maxIterations);
      errors.push(excess(given, found!, k));
    }
    for (let i = 1; i < errors.length; i++) assert.ok(errors[i]! < errors[i - 1]!, errors.join(' '));
    assert.ok(errors[0]! > 1e-3, 'without power iterations the sketch alone is not enough');
  });

  it('depends slightly on the seed, and on nothing else', async () => {
    const given = problem('seeded', factorsWithSpectrum(140, 120, slow(64), 62));
    const run = (seed: number) => decomposeStack(kernels, [given], { variant: 'randomised', columns, seed });
    const [[first], [again], [other]] = [await run(1), await run(1), await run(2)];
    assert.deepEqual(first, again);
    assert.notDeepEqual(first!.sigma, other!.sigma);
    assert.ok(Math.abs(first!.sigma[0]! / other!.sigma[0]! - 1) < 1e-6);
  });

  it('handles factors with a smaller rank than the width of the sketch', async () => {
    const b = multiply(gaussianMatrix(90, 5, 63), gaussianMatrix(5, 64, 64));
    const given = problem('deficient', { b, a: gaussianMatrix(64, 80, 65) });
    const [found] = await decomposeStack(kernels, [given], { variant: 'randomised', columns });
    const { b: left, a: right } = truncated(given, found!, 5);
    const error = differenceNorm(given.b, given.a, 1, left, right, 1) / productNorm(given.b, given.a);
    assert.ok(error < 1e-6, `${error}`);
    assert.ok([...found!.directions.p, ...found!.directions.r, ...found!.sigma].every(Number.isFinite));
  });

  it('handles zero', async () => {
    const given = problem('0', { b: matrix(20, 64), a: gaussianMatrix(64, 30, 66) });
    const [found] = await decomposeStack(kernels, [given], { variant: 'randomised', columns });
    assert.ok(found!.sigma.every((value) => value === 0));
    assert.ok([...found!.directions.p, ...found!.directions.r].every(Number.isFinite));
  });
});

describe('a stack of modules', () => {
  // Modules with different numbers of sweeps and iterations, so that early ones have to wait unchanged.
  const problems = [
    problem('slow', factorsWithSpectrum(100, 90, slow(48), 70)),
    problem('zero', { b: matrix(10, 48), a: gaussianMatrix(48, 20, 71) }),
    problem(
      'steep',
      factorsWithSpectrum(
        120,
        60,
        spectrum(48, (i) => 0.4 ** i),
        72,
      ),
    ),
    problem('normal', { b: gaussianMatrix(77, 48, 73), a: gaussianMatrix(48, 55, 74) }),
    problem(
      'flat',
      factorsWithSpectrum(
        60,
        60,
        spectrum(48, () => 1),
        75,
      ),
    ),
  ];

  for (const variant of ['exact', 'randomised'] as const) {
    it(`gives every module the same bits as alone: ${variant}`, async () => {
      const settings = variant === 'exact' ? { variant } : { variant, columns: 16 };
      const together = await decomposeStack(kernels, problems, settings);
      const reversed = (await decomposeStack(kernels, [...problems].reverse(), settings)).reverse();
      for (const [index, given] of problems.entries()) {
        const [alone] = await decomposeStack(kernels, [given], settings);
        assert.deepEqual(together[index], alone, given.name);
        assert.deepEqual(reversed[index], alone, given.name);
      }
    });
  }
});

describe('the Gram matrices', () => {
  it('are the same sums in one piece, in blocks of a wide rank and in chunks', async () => {
    for (const rank of [3, 130, 300]) {
      const b = gaussianMatrix(37, rank, 1);
      const a = gaussianMatrix(rank, 29, 2);
      const truthB = multiply(transpose(b), b);
      const truthA = multiply(a, transpose(a));
      const rounded = problem('x', { b, a });
      const rows = (from: number, to: number) =>
        asFloat32(matrix(to - from, rank, rounded.b.data.subarray(from * rank, to * rank)));
      const columns = (from: number, to: number) => {
        const part = matrix(rank, to - from);
        for (let i = 0; i < rank; i++) {
          for (let j = from; j < to; j++) part.data[i * (to - from) + j - from] = rounded.a.data[i * 29 + j]!;
        }
        return asFloat32(part);
      };
      const whole = await kernels.gram(asFloat32(rounded.b), asFloat32(rounded.a), null);
      const first = await kernels.gram(rows(0, 20), columns(0, 11), null);
      const chunked = await kernels.gram(rows(20, 37), columns(11, 29), first);
      for (const { gramB, gramA } of [whole, chunked]) {
        const off = (found: Float64Array, truth: Float64Array): number =>
          Math.max(...found.map((value, i) => Math.abs(value - truth[i]!)));
        assert.ok(off(gramB, truthB.data) < 1e-4, `rank ${rank}`);
        assert.ok(off(gramA, truthA.data) < 1e-4, `rank ${rank}`);
      }
      const difference = Math.max(...whole.gramB.map((value, i) => Math.abs(value - chunked.gramB[i]!)));
      assert.ok(difference < 1e-12, 'in float64');
      for (let i = 0; i < rank; i++) {
        for (let j = 0; j < i; j++) assert.equal(whole.gramA[i * rank + j], whole.gramA[j * rank + i]);
      }
    }
  });
});

describe('limited directions', () => {
  it('are as many as requested, and the leading ones', async () => {
    const given = problem('keep', factorsWithSpectrum(60, 50, slow(24), 80));
    const [all] = await decomposeStack(kernels, [given]);
    const [some] = await decomposeStack(kernels, [given], { keep: 5 });
    assert.equal(some!.directions.count, 5);
    assert.equal(some!.directions.p.length, 24 * 5);
    assert.deepEqual(some!.directions.r, all!.directions.r.slice(0, 5 * 24));
    assert.deepEqual(some!.sigma, all!.sigma);
    assert.deepEqual(truncated(given, some!, 5), truncated(given, all!, 5));
  });
});
