import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { missedEnergyBound } from '../../src/core/excess-bound.ts';
import { PROBES } from '../../src/core/onnx/excess.ts';
import { normals } from '../../src/core/random.ts';
import { Kernels } from '../../src/engine/kernels.ts';
import { orthonormalColumns } from '../oracle/known-matrices.ts';
import { matrix, multiply, transpose } from '../oracle/linear-algebra.ts';

const kernels = new Kernels('cpu');
after(() => kernels.close());

const RANK = 24;
const COLUMNS = 16;
const TRIALS = 10_000;
const STACK = 250;
/** As a share of the energy: what rounding may take from a difference of energies. */
const ROUNDING = 1e-13;

/** Spectra of every kind, made from numbers between 0 and 1. */
const KINDS: readonly ((x: number, y: number) => (i: number) => number)[] = [
  (x) => (i) => (i + 1) ** (-3 * x),
  (x) => (i) => (0.3 + 0.7 * x) ** i,
  (x, y) => (i) => (i < 1 + 20 * x ? 1 : y),
  (x, y) => (i) => (i < 1 + 10 * x ? 1 : i < 18 ? 0.5 : 0.5 * y),
  (x) => (i) => 1 - (x * i) / RANK,
  (x, y) => (i) => (i < 1 + 3 * x ? 10 ** (4 * y) : 1 - i / 100),
];

/**
 * One for each place in a stack: each trial has its own sketch, which makes trials independent of each other.
 */
const ROTATIONS = Array.from({ length: STACK }, (_, seed) => orthonormalColumns(RANK, RANK, seed));

/** How different the two factors are, like those of trained adapters: neither orthogonal nor balanced. */
const STRETCH = Array.from({ length: RANK }, (_, i) => 1 + (3 * i) / RANK);

/**
 * BᵀB and AAᵀ of factors with these singular values: D·RᵀΣR·D and D⁻¹·RᵀΣR·D⁻¹ with a rotation R and a
 * stretch D. The factors themselves, m × r and r × n, would add orthonormal columns, which do not appear in
 * their Gram matrices.
 */
function gramsWithSpectrum(sigma: readonly number[], place: number) {
  const rotation = ROTATIONS[place]!;
  const rows = sigma.flatMap((value, i) =>
    Array.from(rotation.data.subarray(i * RANK, (i + 1) * RANK), (each) => value * each),
  );
  const middle = multiply(transpose(rotation), matrix(RANK, RANK, rows)).data;
  const stretched = (by: (i: number) => number): Float64Array =>
    middle.map((value, at) => by(Math.floor(at / RANK)) * value * by(at % RANK));
  return { gramB: stretched((i) => STRETCH[i]!), gramA: stretched((i) => 1 / STRETCH[i]!) };
}

describe('the bound of the energy that a sketch missed', () => {
  it(`holds in ${TRIALS} random trials, however few the iterations, and is not trivial`, async () => {
    let close = 0;
    for (let begin = 0; begin < TRIALS; begin += STACK) {
      const maxIterations = [0, 1, 3, 64][(begin / STACK) % 4]!;
      const made = Array.from({ length: STACK }, (_, index) => {
        const seed = begin + index;
        const [x, y] = normals(seed, 'kind', 2).map((value) => Math.abs(value) % 1) as unknown as [
          number,
          number,
        ];
        const of = KINDS[seed % KINDS.length]!(x, y);
        const sigma = Array.from({ length: RANK }, (_, i) => of(i)).sort((p, q) => q - p);
        return { sigma, ...gramsWithSpectrum(sigma, index), seed };
      });
      const found = await kernels.decompose({
        ...{ variant: 'randomised', rank: RANK, columns: COLUMNS, keep: 8, maxIterations, tolerance: 1e-3 },
        grams: made,
        sketches: made.map(({ seed }) => normals(seed, 'sketch', RANK * COLUMNS)),
        probes: made.map(({ seed }) => normals(seed, 'probe', RANK * PROBES)),
      });
      for (const [index, { sigma, seed }] of made.entries()) {
        const decomposition = found[index]!;
        for (const k of [1, 3, 8]) {
          const sum = (values: ArrayLike<number>): number =>
            Array.from(values)
              .slice(0, k)
              .reduce((total, value) => total + value ** 2, 0);
          const missed = sum(sigma) - sum(decomposition.sigma);
          const bound = missedEnergyBound(decomposition.sigma, k, decomposition.sketched!);
          assert.ok(
            missed <= bound + ROUNDING * decomposition.energy,
            `seed ${seed}, rank ${k}, ${maxIterations} iterations: ${missed} missed, bound ${bound}`,
          );
          if (maxIterations === 64 && bound < 0.01 * decomposition.energy) close++;
        }
      }
    }
    assert.ok(
      close > 0.6 * 3 * (TRIALS / 4),
      `${close} of ${(3 * TRIALS) / 4} bounds are below 1 % of the energy`,
    );
  });

  it('is not smaller than what a sketch that lacks a direction left out', () => {
    // One direction of σ² = 4 is outside a sketch of ones.
    assert.ok(missedEnergyBound(Float64Array.of(1, 1, 1), 2, { missed: 4, residual: 0 }) >= 6);
    assert.ok(missedEnergyBound(Float64Array.of(2, 1), 1, { missed: 1, residual: 0 }) < 1e-9);
  });
});
