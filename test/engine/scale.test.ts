import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Kernels } from '../../src/engine/kernels.ts';
import { gaussianMatrix } from '../oracle/known-matrices.ts';
import { asFloat32 } from './problem.ts';

const kernels = new Kernels('cpu');
after(() => kernels.close());

describe('the scale graph', () => {
  it('multiplies in float64 and rounds once', async () => {
    const x = asFloat32(gaussianMatrix(37, 11, 1));
    for (const factor of [1, -0.7, 1 / 3, 1e20, 0]) {
      const { data, energyBefore, energyAfter } = await kernels.scale(x, factor);
      let [before, after] = [0, 0];
      for (const [i, value] of x.data.entries()) {
        // Math.fround of the exact product: what the graph must give, −0 aside.
        assert.equal(data[i]! + 0, Math.fround(value * factor) + 0);
        before += value ** 2;
        after += data[i]! ** 2;
      }
      assert.ok(Math.abs(energyBefore - before) <= 1e-12 * before);
      assert.ok(Math.abs(energyAfter - after) <= 1e-12 * after);
    }
  });

  it('tells a number that is not finite, before and after, from one that is large', async () => {
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
