import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../src/compute/pool.ts';
import type { Target } from '../../src/contract/target.ts';
import fc from '../fast-check.ts';
import { factorsWithSpectrum } from '../oracle/known-matrices.ts';
import { type Matrix, scaled } from '../oracle/linear-algebra.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { allowedError, scoreAdapter } from '../oracle/score.ts';
import {
  bfloat16Tensor,
  type ModuleFactors,
  makeAdapter,
  readResult,
  squeezing,
  tensorOf,
} from './make-adapter.ts';

/**
 * Shapes of spectra that are hard for solvers, after LAPACK's test matrices (LAWN 41) and RandLAPACK's
 * generators.
 */
const SPECTRA: Readonly<Record<string, (i: number, r: number) => number>> = {
  even: (i, r) => 1 - i / (r + 1),
  geometric: (i, r) => 1e-6 ** (i / r),
  steep: (i) => 10 ** -i,
  step: (i, r) => (i < r / 2 ? 1 : 1e-6),
  clustered: (i) => (i === 0 ? 1 : 1e-3),
  equal: () => 1,
  power: (i) => (i + 1) ** -0.7,
  single: (i) => (i === 0 ? 1 : 0),
};

/** The best possible accuracy of a measured error, and what nearly dependent factors may lose. */
const FLOOR = 1e-5;

const shapes = fc.record({
  m: fc.integer({ min: 1, max: 60 }),
  n: fc.integer({ min: 1, max: 60 }),
  spectrum: fc.constantFrom(...Object.keys(SPECTRA)),
  seed: fc.nat(1000),
  size: fc.constantFrom(-12, -3, 0, 3, 12),
});

const cases = fc.record({
  rank: fc.integer({ min: 1, max: 40 }),
  shapes: fc.array(shapes, { minLength: 1, maxLength: 3 }),
  alpha: fc.constantFrom(1, 16, -8, 1e-3, 0.5),
  use_rslora: fc.boolean(),
  isBfloat16: fc.boolean(),
  target: fc.record({
    rank: fc.integer({ min: 1, max: 40 }),
    scale: fc.constantFrom('fold' as const, 'keep' as const),
    split: fc.constantFrom('balanced' as const, 'a' as const, 'b' as const),
    dtype: fc.constantFrom('match' as const, 'float32' as const, 'bfloat16' as const),
  }),
  method: fc.constantFrom('rsvd' as const, 'exact' as const),
});

/** B and A with the given spectrum if the shape allows it; a lower rank is stored in the full one. */
function moduleOf(
  rank: number,
  index: number,
  shape: { m: number; n: number; spectrum: string; seed: number; size: number },
): ModuleFactors {
  const { m, n, spectrum, seed, size } = shape;
  const real = Math.min(rank, m, n);
  const sigma = Array.from({ length: real }, (_, i) => SPECTRA[spectrum]!(i, real));
  const { b, a } = factorsWithSpectrum(m, n, sigma, seed);
  return {
    name: `layers.${index}.q_proj`,
    b: scaled(widened(b, rank, 1), 10 ** size),
    a: widened(a, rank, 0),
  };
}

/** Adds zero columns (axis 1) or rows (axis 0) up to the rank. */
function widened(source: Matrix, rank: number, axis: 0 | 1): Matrix {
  const rows = axis === 0 ? rank : source.rows;
  const columns = axis === 1 ? rank : source.columns;
  const data = new Float64Array(rows * columns);
  for (let i = 0; i < source.rows; i++)
    data.set(source.data.subarray(i * source.columns, (i + 1) * source.columns), i * columns);
  return { rows, columns, data };
}

describe('any adapter, to any rank, dtype, scale and split', () => {
  let pool: ComputePool;
  before(async () => {
    pool = await ComputePool.start('cpu', 2);
  });
  after(() => pool.close());

  it('is squeezed with the smallest possible error, and the report is right', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases,
        async ({ rank, shapes: given, alpha, use_rslora, isBfloat16, target, method }) => {
          const { dir, remove } = makeAdapter(
            given.map((shape, index) => moduleOf(rank, index, shape)),
            { r: rank, lora_alpha: alpha, use_rslora },
            { encode: isBfloat16 ? bfloat16Tensor : tensorOf },
          );
          try {
            await squeezing(
              pool,
              dir,
              { targets: [target as Target], options: { method } },
              ({ targets, report }) => {
                const [outcome] = targets;
                if (!outcome!.files) return assert.ok(target.rank >= rank);
                const scores = scoreAdapter(readPeftAdapter(dir), readResult(outcome!));
                for (const reported of report.targets[0]!.modules) {
                  const score = scores.get(reported.name)!;
                  const limit = allowedError(score, method === 'exact' ? 1e-6 : 1e-2) + FLOOR;
                  assert.ok(
                    score.actualError <= limit,
                    `${reported.name}: ${score.actualError}, allowed ${limit}`,
                  );
                  const off = Math.abs(reported.relative_error - score.actualError);
                  assert.ok(
                    off <= 1e-3 * score.actualError + 1e-6,
                    `${reported.name}: reported ${reported.relative_error}`,
                  );
                  const { m, n } = given[Number(/\d+/.exec(reported.name)![0])]!;
                  assert.equal(reported.rank, Math.min(rank, target.rank, m, n));
                }
              },
            );
          } finally {
            remove();
          }
        },
      ),
      { numRuns: 120 },
    );
  });
});
