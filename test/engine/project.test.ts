import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Directions, ProjectInput } from '../../src/engine/kernel-types.ts';
import { Kernels } from '../../src/engine/kernels.ts';
import { factorsWithSpectrum } from '../oracle/known-matrices.ts';
import {
  differenceNorm,
  frobenius,
  matrix,
  multiply,
  productNorm,
  transpose,
} from '../oracle/linear-algebra.ts';
import { asFloat32, decomposeStack, type Problem, problem } from './problem.ts';

const kernels = new Kernels('cpu');
after(() => kernels.close());

const M = 60;
const N = 50;
const R = 16;
const given = problem(
  'given',
  factorsWithSpectrum(
    M,
    N,
    Array.from({ length: R }, (_, i) => (i + 1) ** -0.7),
    1,
  ),
);
const [found] = await decomposeStack(kernels, [given]);

async function project(changes: Partial<ProjectInput> = {}, { b, a }: Problem = given) {
  const rank = changes.rank ?? 6;
  const result = await kernels.project({
    b: asFloat32(b),
    a: asFloat32(a),
    directions: found!.directions,
    rank,
    split: 0.5,
    factorB: [1],
    factorA: [1],
    gridB: 'float',
    gridA: 'float',
    before: null,
    ...changes,
  });
  const [measured] = await kernels.measure(result.sums, b.columns, rank);
  return {
    ...result,
    ...measured!,
    left: matrix(b.rows, rank, result.b),
    right: matrix(rank, a.columns, result.a),
  };
}

const lengths = (rows: ReturnType<typeof matrix>): number[] =>
  Array.from({ length: rows.rows }, (_, i) =>
    Math.hypot(...rows.data.subarray(i * rows.columns, (i + 1) * rows.columns)),
  );

describe('a projection', () => {
  it('measures the factors it returns, after rounding', async () => {
    for (const grid of ['float', 'float16', 'bfloat16'] as const) {
      const { left, right, inner, energy } = await project({ gridA: grid, gridB: grid });
      const truth = productNorm(given.b, given.a) ** 2;
      const lost = truth - 2 * inner + energy;
      const error = differenceNorm(given.b, given.a, 1, left, right, 1);
      assert.ok(Math.abs(lost / error ** 2 - 1) < 1e-9, grid);
      assert.ok(Math.abs(energy / productNorm(left, right) ** 2 - 1) < 1e-12, grid);
    }
  });

  it('balances both factors at split ½ and moves σ with the split', async () => {
    for (const [split, inB, inA] of [
      [0.5, 0.5, 0.5],
      [1, 1, 0],
      [0, 0, 1],
    ] as const) {
      const { left, right } = await project({ split });
      for (const [i, sigma] of [...found!.sigma.subarray(0, 6)].entries()) {
        assert.ok(Math.abs(lengths(transpose(left))[i]! / sigma ** inB - 1) < 1e-6);
        assert.ok(Math.abs(lengths(right)[i]! / sigma ** inA - 1) < 1e-6);
      }
    }
  });

  it('multiplies its factors', async () => {
    const plain = await project();
    const changed = await project({ factorB: [-4], factorA: [0.5] });
    assert.deepEqual(
      changed.b,
      plain.b.map((x) => -4 * x),
    );
    assert.deepEqual(
      changed.a,
      plain.a.map((x) => 0.5 * x),
    );
  });

  it('rounds to the nearest number of the grid, ties to even', async () => {
    // With the identity as decomposition, the output is the input, rounded.
    const eye = Float64Array.of(1);
    const identity: Directions = {
      count: 1,
      p: eye,
      r: eye,
      sigma: eye,
    };
    const values = [
      1 + 2 ** -9,
      1 + 3 * 2 ** -9,
      1 + 2 ** -8 + 2 ** -9,
      -(1 + 2 ** -11),
      3e-8,
      2 ** -24 * 1.5,
      65504,
      -0.1,
    ];
    const one: Problem = { name: 'x', b: matrix(values.length, 1, values), a: matrix(1, 1, [1]) };
    const settings = { directions: identity, rank: 1, split: 0 };
    const bfloat16 = await project({ ...settings, gridB: 'bfloat16' }, one);
    assert.deepEqual([...bfloat16.b.subarray(0, 4)], [1, 1 + 2 ** -7, 1 + 2 ** -7, -1]);
    const float16 = await project({ ...settings, gridB: 'float16' }, one);
    assert.deepEqual(
      [...float16.b],
      [1 + 2 ** -9, 1 + 3 * 2 ** -9, 1 + 2 ** -8 + 2 ** -9, -1, 2 ** -24, 2 ** -23, 65504, -1638 / 16384],
    );
  });

  it('shows an overflow of the output in its measurements', async () => {
    const huge = problem('huge', { b: matrix(2, 1, [1e5, 1]), a: matrix(1, 2, [1, 1]) });
    const eye = Float64Array.of(1);
    const directions = { count: 1, p: eye, r: eye, sigma: eye };
    const wide = await project({ directions, rank: 1, gridB: 'bfloat16' }, huge);
    assert.ok(Number.isFinite(wide.energy));
    const narrow = await project({ directions, rank: 1, gridB: 'float16' }, huge);
    assert.ok(!Number.isFinite(narrow.energy));
  });

  it('writes zeros for directions that do not exist', async () => {
    const deficient = problem('deficient', {
      b: multiply(
        matrix(M, 2, given.b.data.subarray(0, 2 * M)),
        matrix(2, R, given.b.data.subarray(0, 2 * R)),
      ),
      a: given.a,
    });
    const nothing = problem('zero', { b: matrix(M, R), a: given.a });
    const [decomposition] = await decomposeStack(kernels, [nothing]);
    const { b, a, energy, inner } = await project({ directions: decomposition!.directions }, nothing);
    assert.ok([...b, ...a].every((x) => x === 0));
    assert.equal(energy + inner, 0);
    const [some] = await decomposeStack(kernels, [deficient]);
    const { left, right } = await project({ directions: some!.directions }, deficient);
    assert.ok([...left.data, ...right.data].every(Number.isFinite));
    assert.ok(
      frobenius(left) < 1e3 * frobenius(deficient.b) && frobenius(right) < 1e3 * frobenius(deficient.a),
    );
  });

  it('gives each module of a stack the same bytes as alone', async () => {
    const others = [0.3, 1.2, 2].map((slope, index) =>
      problem(
        `other ${index}`,
        factorsWithSpectrum(
          M,
          N,
          Array.from({ length: R }, (_, i) => (i + 1) ** -slope),
          index + 2,
        ),
      ),
    );
    const modules = [given, ...others];
    const decomposed = await decomposeStack(kernels, modules);
    const factors = [1, -2, 0.25, 3];
    const all = <T extends Float32Array | Float64Array>(
      parts: readonly T[],
      from: (length: number) => T,
    ): T => {
      const whole = from(parts.reduce((length, part) => length + part.length, 0));
      let offset = 0;
      for (const part of parts) {
        whole.set(part, offset);
        offset += part.length;
      }
      return whole;
    };
    const stacked = (part: 'a' | 'b') => ({
      ...asFloat32(given[part]),
      count: modules.length,
      data: all(
        modules.map((module) => asFloat32(module[part]).data),
        (length) => new Float32Array(length),
      ),
    });
    const directionsOf = (part: 'p' | 'r' | 'sigma') =>
      all(
        decomposed.map(({ directions }) => directions[part]),
        (length) => new Float64Array(length),
      );
    const { count } = decomposed[0]!.directions;
    const together = await kernels.project({
      ...{ b: stacked('b'), a: stacked('a') },
      directions: { count, p: directionsOf('p'), r: directionsOf('r'), sigma: directionsOf('sigma') },
      ...{ rank: 6, split: 0.5, factorB: factors, factorA: [1, 1, 1, 1] },
      ...{ gridB: 'float', gridA: 'bfloat16', before: null },
    });
    const measured = await kernels.measure(together.sums, R, 6);
    for (const [index, module] of modules.entries()) {
      const { directions } = decomposed[index]!;
      const alone = await project({ directions, factorB: [factors[index]!], gridA: 'bfloat16' }, module);
      assert.deepEqual(together.b.subarray(index * M * 6, (index + 1) * M * 6), alone.b);
      assert.deepEqual(together.a.subarray(index * N * 6, (index + 1) * N * 6), alone.a);
      const { inner, energy, energyA, energyB } = alone;
      assert.deepEqual(measured[index], { inner, energy, energyB, energyA });
    }
  });
});
