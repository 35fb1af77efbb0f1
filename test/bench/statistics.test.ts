import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median, quantile } from '../../bench/statistics.ts';
import fc from '../fast-check.ts';

const numbers = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 40 });

describe('bench: median and quantile', () => {
  it('of few values do not depend on their order', () => {
    assert.equal(median([3]), 3);
    assert.equal(median([4, 1]), 2.5);
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([10, 9, 2, 1]), 5.5);
    assert.equal(quantile([3, 1, 2, 4], 0.5), 2);
    assert.equal(quantile([3, 1, 2, 4], 0.51), 3);
    assert.equal(quantile([3, 1, 2, 4], 0), 1);
    assert.equal(quantile([3, 1, 2, 4], 1), 4);
    assert.equal(quantile([], 0.5), Number.NaN);
  });

  it('have as many values on one side as on the other, and leave their input unchanged', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const copy = [...values];
        const middle = median(values);
        const below = values.filter((value) => value < middle).length;
        const above = values.filter((value) => value > middle).length;
        assert.ok(below <= values.length / 2 && above <= values.length / 2);
        assert.deepEqual(values, copy);
      }),
    );
  });

  it('are one of the values, and cover at least the requested share', () => {
    fc.assert(
      fc.property(numbers, fc.double({ noNaN: true, min: 0, max: 1 }), (values, q) => {
        const found = quantile(values, q);
        assert.ok(values.includes(found));
        assert.ok(values.filter((value) => value <= found).length >= q * values.length);
        assert.ok(values.filter((value) => value < found).length <= q * values.length);
      }),
    );
  });
});
