import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kneeRank } from '../../../src/core/policy/knee-rank.ts';
import fc from '../../fast-check.ts';
import { flat, scales, spectra, steep } from './spectra.ts';

/** The height of the energy curve above its chord at every rank, calculated exactly as it is defined. */
function heights(sigma: readonly number[]): number[] {
  const energies = sigma.map((value) => value ** 2);
  const total = energies.reduce((x, y) => x + y, 0);
  return energies.map(
    (_, i) => energies.slice(0, i + 1).reduce((x, y) => x + y, 0) / total - (i + 1) / energies.length,
  );
}

describe('the knee of a spectrum', () => {
  it('is where a few strong directions end', () => {
    for (const strong of [1, 3, 8, 20]) {
      const sigma = [
        ...Array.from({ length: strong }, (_, i) => 10 - i / strong),
        ...Array<number>(64 - strong).fill(0.1),
      ];
      assert.equal(kneeRank(sigma), strong);
    }
  });

  it('is soft if the spectrum falls evenly', () => {
    // σ² above the mean: (1 − i/64)² > 65·129 / (6·64²) = 0.341, so i ≤ 26.
    const linear = Array.from({ length: 64 }, (_, i) => 1 - i / 64);
    assert.equal(kneeRank(linear), 27);
    // i⁻² > Σ i⁻² / 64 = 0.0255, so i ≤ 6.
    const power = Array.from({ length: 64 }, (_, i) => 1 / (i + 1));
    assert.equal(kneeRank(power), 6);
  });

  it('is 1 for a steep spectrum', () => {
    assert.equal(kneeRank(steep(30, 10)), 1);
    assert.equal(kneeRank([1]), 1);
  });

  it('is the full rank if nothing bends', () => {
    assert.equal(kneeRank(flat(16)), 16);
    const nearlyFlat = Array.from({ length: 64 }, (_, i) => 1.05 - i * 0.001);
    assert.equal(kneeRank(nearlyFlat), 64);
    assert.equal(kneeRank([1, 0.9]), 2);
  });

  it('does not mistake missing rank for a bend', () => {
    assert.equal(kneeRank([...flat(16), ...Array<number>(48).fill(0)]), 16);
    assert.equal(kneeRank([...flat(16), ...Array<number>(48).fill(1e-8)]), 16);
  });

  it('is 1 for an update of zero', () => {
    assert.equal(kneeRank([0, 0, 0]), 1);
    assert.equal(kneeRank([]), 1);
  });

  it('is where the curve is highest, or the full rank', () => {
    fc.assert(
      fc.property(spectra, (sigma) => {
        // Relative to the largest value, because the squares would underflow here.
        const known = [...sigma].map((value) => value / sigma[0]!).filter((value) => value > 1e-7);
        const curve = heights(known);
        const top = Math.max(...curve);
        const knee = kneeRank(sigma);
        if (top > 0.1 + 1e-9) assert.ok(curve[knee - 1]! > top - 1e-9);
        else if (top < 0.1 - 1e-9) assert.equal(knee, known.length);
      }),
    );
  });

  it('depends neither on the size of the update nor on trailing zeros', () => {
    fc.assert(
      fc.property(spectra, scales, fc.nat(9), (sigma, scale, zeros) => {
        const other = [...sigma.map((value) => value * scale), ...Array<number>(zeros).fill(0)];
        assert.equal(kneeRank(other), kneeRank(sigma));
      }),
    );
  });
});
