import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDead, meanOf, moduleRelativeError } from '../../src/core/by-module.ts';
import fc from '../fast-check.ts';

describe('the mean module error', () => {
  it('is the root mean square of the errors of the modules, whatever their size', () => {
    // Errors of 0.6, 0 and 0.8.
    assert.ok(Math.abs(moduleRelativeError([100, 1, 0.01], [36, 0, 0.0064]) - Math.sqrt(1 / 3)) < 1e-15);
    assert.equal(moduleRelativeError([4], [1]), 0.5);
  });

  it('does not count dead modules, and is 0 if all are dead', () => {
    assert.equal(moduleRelativeError([4, 1e-6, 0], [1, 1e-6, 0]), 0.5);
    assert.equal(moduleRelativeError([0, 0], [0, 0]), 0);
    assert.equal(moduleRelativeError([], []), 0);
  });

  it('depends neither on the size of a module nor on the order', () => {
    const module = fc.record({
      energy: fc.double({ min: 0.1, max: 10, noNaN: true }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      factor: fc.constantFrom(1, 4, 64),
    });
    fc.assert(
      fc.property(fc.array(module, { minLength: 1, maxLength: 8 }), (modules) => {
        const expected = Math.sqrt(meanOf(modules.map(({ share }) => share)));
        const of = (all: typeof modules, factor: (one: (typeof modules)[number]) => number): number =>
          moduleRelativeError(
            all.map((one) => factor(one) * one.energy),
            all.map((one) => factor(one) * one.energy * one.share),
          );
        assert.ok(Math.abs(of(modules, () => 1) - expected) < 1e-12);
        assert.ok(Math.abs(of(modules.toReversed(), ({ factor }) => factor) - expected) < 1e-12);
      }),
    );
  });

  it('counts a module as dead at a millionth of the mean energy and below', () => {
    assert.equal(isDead(1e-6, 1), true);
    assert.equal(isDead(1.01e-6, 1), false);
    assert.equal(isDead(0, 0), true);
  });
});
