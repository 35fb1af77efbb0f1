import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { normals } from '../../src/core/random.ts';

const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((x, y) => x + y, 0) / values.length;
const COUNT = 100_000;
/** Five standard deviations of a mean of COUNT values with this standard deviation. */
const tolerance = (deviation: number): number => (5 * deviation) / Math.sqrt(COUNT);

describe('seeded normals', () => {
  const sample = normals(0, 'model.layers.0.q_proj', COUNT);

  it('have the moments of the standard normal distribution', () => {
    assert.ok(Math.abs(mean(sample)) < tolerance(1));
    assert.ok(Math.abs(mean(sample.map((x) => x * x)) - 1) < tolerance(Math.sqrt(2)));
    assert.ok(Math.abs(mean(sample.map((x) => x ** 3))) < tolerance(Math.sqrt(15)));
    assert.ok(Math.abs(mean(sample.map((x) => x ** 4)) - 3) < tolerance(Math.sqrt(96)));
  });

  it('reach the tails as often as they should', () => {
    for (const [bound, share] of [
      [1, 0.3173],
      [2, 0.0455],
      [3, 0.0027],
    ] as const) {
      const outside = mean(sample.map((x) => (Math.abs(x) > bound ? 1 : 0)));
      assert.ok(Math.abs(outside - share) < tolerance(Math.sqrt(share)), `${outside} beyond ${bound}`);
    }
  });

  it('are uncorrelated with their neighbours', () => {
    for (const lag of [1, 2, 3, 64]) {
      const products = sample.subarray(lag).map((x, i) => x * sample[i]!);
      assert.ok(Math.abs(mean(products)) < tolerance(1), `lag ${lag}`);
    }
  });

  it('are the same for the same seed and name, whatever the count', () => {
    assert.deepEqual(normals(7, 'q', 9), normals(7, 'q', 9));
    assert.deepEqual(normals(7, 'q', 9), normals(7, 'q', 1000).slice(0, 9));
    assert.equal(normals(7, 'q', 0).length, 0);
  });

  it('differ for another seed or name', () => {
    const seen = new Set([normals(0, 'a', 1)[0], normals(1, 'a', 1)[0], normals(0, 'b', 1)[0]]);
    seen.add(normals(0, 'ab', 1)[0]);
    seen.add(normals(0, 'ba', 1)[0]);
    seen.add(normals(4294967295, 'a', 1)[0]);
    assert.equal(seen.size, 6);
    const other = normals(1, 'model.layers.0.q_proj', COUNT);
    assert.ok(Math.abs(mean(sample.map((x, i) => x * other[i]!))) < tolerance(1));
  });

  it('never change, because stored results depend on them', () => {
    assert.deepEqual(
      [...normals(0, 'model.layers.0.self_attn.q_proj', 3)].map((x) => x.toFixed(12)),
      EXPECTED,
    );
  });
});

const EXPECTED = ['0.789455099404', '1.159680331734', '0.034241359493'];
