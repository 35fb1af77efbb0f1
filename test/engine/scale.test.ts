import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Kernels } from '../../src/engine/kernels.ts';
import { gaussianMatrix } from '../oracle/known-matrices.ts';
import { asFloat32 } from './problem.ts';

const kernels = new Kernels('cpu');
after(() => kernels.close());

describe('the sum graph', () => {
  it('adds in float64 and rounds once', async () => {
    const x = asFloat32(gaussianMatrix(5, 301, 2));
    const factors = [1, -0.7, 1 / 3, 1e10, -1e10];
    const { data, energiesBefore, energyAfter } = await kernels.sum(x, factors);
    let after = 0;
    for (let j = 0; j < x.columns; j++) {
      const terms = factors.map((factor, i) => factor * x.data[i * x.columns + j]!);
      const size = terms.reduce((total, term) => total + Math.abs(term), 0);
      const exact = terms.reduce((total, term) => total + term, 0);
      // The order of the additions is up to the library.
      assert.ok(Math.abs(data[j]! - exact) <= 2 ** -24 * Math.abs(exact) + 8 * 2 ** -53 * size);
      after += data[j]! ** 2;
    }
    assert.ok(Math.abs(energyAfter - after) <= 1e-12 * after);
    for (const [i, energy] of energiesBefore.entries()) {
      const row = x.data.subarray(i * x.columns, (i + 1) * x.columns);
      const exact = row.reduce((total, value) => total + value ** 2, 0);
      assert.ok(Math.abs(energy - exact) <= 1e-12 * exact);
    }
  });

  it('returns a single tensor unchanged', async () => {
    const x = asFloat32(gaussianMatrix(1, 301, 3));
    assert.deepEqual((await kernels.sum(x, [1])).data, x.data);
  });

  it('shows which tensor contains a number that is not finite, and a sum that overflows', async () => {
    const rows = (...data: number[]) => ({ data: Float32Array.from(data), rows: 2, columns: 2 });
    const broken = await kernels.sum(rows(1, 2, Number.NaN, 4), [1, 0]);
    assert.deepEqual([...broken.energiesBefore].map(Number.isFinite), [true, false]);
    const large = await kernels.sum(rows(3e38, 0, 3e38, 0), [1, 1]);
    assert.ok([...large.energiesBefore].every(Number.isFinite));
    assert.equal(Number.isFinite(large.energyAfter), false);
  });
});

describe('the scale graph', () => {
  it('multiplies in float64 and rounds once', async () => {
    const x = asFloat32(gaussianMatrix(37, 11, 1));
    for (const factor of [1, -0.7, 1 / 3, 1e20, 0]) {
      const { data, energyBefore, energyAfter } = await kernels.scale(x, factor);
      let [before, after] = [0, 0];
      for (const [i, value] of x.data.entries()) {
        // Math.fround of the exact product, which the graph must give, except for −0.
        assert.equal(data[i]! + 0, Math.fround(value * factor) + 0);
        before += value ** 2;
        after += data[i]! ** 2;
      }
      assert.ok(Math.abs(energyBefore - before) <= 1e-12 * before);
      assert.ok(Math.abs(energyAfter - after) <= 1e-12 * after);
    }
  });

  it('distinguishes a number that is not finite, before and after, from a large one', async () => {
    const one = (value: number) => ({ data: Float32Array.of(1, value), rows: 1, columns: 2 });
    for (const broken of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.equal(Number.isFinite((await kernels.scale(one(broken), 0)).energyBefore), false);
    }
    const large = await kernels.scale(one(3e38), 1);
    assert.ok(Number.isFinite(large.energyBefore) && Number.isFinite(large.energyAfter));
    const tooLarge = await kernels.scale(one(3e38), 2);
    assert.ok(Number.isFinite(tooLarge.energyBefore));
    assert.equal(Number.isFinite(tooLarge.energyAfter), false);
  });
});
