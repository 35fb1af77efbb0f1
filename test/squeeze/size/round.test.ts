import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '../../../src/core/half.ts';
import { roundTo } from '../../../src/core/round.ts';
import fc from '../../fast-check.ts';
import { decodeTensor } from '../../oracle/safetensors.ts';

/** All finite numbers of a dtype in ascending order, generated from bits. */
function numbersOf(dtype: 'F16' | 'BF16'): Float64Array {
  const bytes = new Uint8Array(Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer);
  return decodeTensor({ dtype, shape: [65536], bytes })
    .filter(Number.isFinite)
    .sort();
}

/** The nearest of some numbers; of two equally near ones the one whose last bit is 0. */
function nearest(sorted: Float64Array, x: number): number[] {
  let [low, high] = [0, sorted.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= x) low = middle;
    else high = middle;
  }
  const [below, above] = [sorted[low]!, sorted[high]!];
  if (x - below === above - x) return [below, above];
  return [x - below < above - x ? below : above];
}

for (const dtype of ['F16', 'BF16'] as const) {
  describe(`rounding to ${dtype}`, () => {
    const all = numbersOf(dtype);
    const largest = all.at(-1)!;

    it('leaves every number of the dtype unchanged, including the sign of zero', () => {
      const numbers = Float32Array.from(all);
      roundTo(dtype, numbers);
      assert.deepEqual(numbers, Float32Array.from(all));
      const zero = Float32Array.of(-0);
      roundTo(dtype, zero);
      assert.ok(Object.is(zero[0], -0));
    });

    it('gives the nearest number, and of two the even one', () => {
      const floats = fc.oneof(
        fc.float({ noNaN: true, noDefaultInfinity: true, min: -65504, max: 65504 }),
        fc.float({ noNaN: true, min: Math.fround(-(2 ** -13)), max: Math.fround(2 ** -13) }),
      );
      fc.assert(
        fc.property(floats, (x) => {
          const numbers = Float32Array.of(x);
          roundTo(dtype, numbers);
          assert.ok(nearest(all, x).includes(numbers[0]!), `${x} → ${numbers[0]}`);
        }),
        { numRuns: 2000 },
      );
      for (let i = 0; i + 1 < all.length; i += 97) {
        const middle = (all[i]! + all[i + 1]!) / 2;
        const numbers = Float32Array.of(middle);
        // If float32 can represent it.
        if (numbers[0] !== middle) continue;
        roundTo(dtype, numbers);
        const word = new Uint16Array(encode(dtype, numbers).slice().buffer)[0]!;
        assert.equal(word & 1, 0, `${middle}`);
      }
    });

    it('makes numbers that are too large infinite, and leaves NaN and infinity', () => {
      const half = largest * 2 ** (dtype === 'F16' ? -11 : -8);
      const numbers = Float32Array.of(largest + half, -3.39e38, Number.NaN, Number.NEGATIVE_INFINITY);
      roundTo(dtype, numbers);
      if (dtype === 'F16') assert.deepEqual([...numbers].slice(0, 2), [Infinity, -Infinity]);
      else assert.deepEqual([numbers[0], Number.isFinite(numbers[1]!)], [Infinity, true]);
      assert.ok(Number.isNaN(numbers[2]) && numbers[3] === Number.NEGATIVE_INFINITY);
    });
  });
}
