import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Heap } from '../../../src/core/policy/heap.ts';
import fc from '../../fast-check.ts';

describe('the heap', () => {
  it('gives its items in order, also when more come in between', () => {
    const steps = fc.array(fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constant('pop' as const)));
    fc.assert(
      fc.property(steps, (actions) => {
        const heap = new Heap<number>((x, y) => x < y);
        const sorted: number[] = [];
        for (const action of actions) {
          if (action === 'pop') {
            assert.equal(heap.pop(), sorted.shift());
          } else {
            heap.push(action);
            sorted.push(action);
            sorted.sort((x, y) => x - y);
          }
        }
        for (const expected of sorted) assert.equal(heap.pop(), expected);
        assert.equal(heap.pop(), undefined);
      }),
    );
  });
});
