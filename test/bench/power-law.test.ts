import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fitPowerLaw, valueAt } from '../../bench/power-law.ts';
import fc from '../fast-check.ts';

const close = (actual: number, expected: number, relative: number) =>
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual}, expected ${expected}`);

describe('bench: power law', () => {
  it('is found if the points follow one', () => {
    const law = fc.record({
      exponent: fc.double({ noNaN: true, min: -3, max: 3 }),
      factor: fc.double({ noNaN: true, min: 1e-6, max: 1e6 }),
    });
    fc.assert(
      fc.property(law, (truth) => {
        const points = [1e6, 7e6, 5e7, 2e9].map((x) => ({ x, y: valueAt(truth, x) }));
        const found = fitPowerLaw(points);
        assert.ok(Math.abs(found.exponent - truth.exponent) < 1e-9);
        close(found.factor, truth.factor, 1e-6);
      }),
    );
  });

  it('is the least-squares line of the logarithms, as calculated by hand', () => {
    // (0, 0), (1, 2), (2, 1) in powers of ten: slope ½, and ½ at 0.
    const { exponent, factor } = fitPowerLaw([
      { x: 1, y: 1 },
      { x: 10, y: 100 },
      { x: 100, y: 10 },
    ]);
    close(exponent, 0.5, 1e-12);
    close(factor, Math.sqrt(10), 1e-12);
  });

  it('does not depend on the units', () => {
    const points = [
      { x: 1e6, y: 0.05 },
      { x: 3e7, y: 0.2 },
      { x: 2e9, y: 8 },
    ];
    const inMegabytesAndHours = points.map(({ x, y }) => ({ x: x / 1e6, y: y / 3600 }));
    close(fitPowerLaw(inMegabytesAndHours).exponent, fitPowerLaw(points).exponent, 1e-12);
  });

  it('is refused without two different x, or for values without a logarithm', () => {
    assert.throws(() => fitPowerLaw([]), /two different x/);
    assert.throws(() => fitPowerLaw([{ x: 2, y: 3 }]), /two different x/);
    const same = [
      { x: 2, y: 3 },
      { x: 2, y: 5 },
    ];
    assert.throws(() => fitPowerLaw(same), /two different x/);
    for (const bad of [0, -1, Number.NaN]) {
      assert.throws(() => fitPowerLaw([{ x: 1, y: bad }]), /no point/);
      assert.throws(() => fitPowerLaw([{ x: bad, y: 1 }]), /no point/);
    }
  });
});
