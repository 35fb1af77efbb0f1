import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { PROBES } from '../../src/core/onnx/excess.ts';
import { normals } from '../../src/core/random.ts';
import { Kernels } from '../../src/engine/kernels.ts';
import { chooseMethod } from '../../src/squeeze/method.ts';
import { factorsWithSpectrum } from '../oracle/known-matrices.ts';
import { multiply, transpose } from '../oracle/linear-algebra.ts';

const kernels = new Kernels('cpu');
after(() => kernels.close());

const RANK = 512;

const energyOf = (sigma: readonly number[]): number => sigma.reduceRight((sum, value) => sum + value ** 2, 0);

// A sketch underestimates the large directions. A filter based on it amplified them so much that all others
// were lost to rounding and became zeros.
describe('a few large directions above many of similar size', () => {
  for (const [name, tail, k] of [
    ['a cluster at the cut', (i: number) => (i < 34 ? 0.5 : 0.499), 4],
    ['a step far behind the cut', (i: number) => (i < 42 ? 1 : 0.99), 64],
  ] as const)
    it(`are found together with the next ones: ${name}`, async () => {
      const sigma = Array.from({ length: RANK }, (_, i) => (i < 2 ? 1 : tail(i)));
      const { b, a } = factorsWithSpectrum(RANK, RANK, sigma, RANK);
      const module = { name: 'module', rank: RANK, m: RANK, n: RANK };
      const settings = chooseMethod([module], [{ rank: k }], {}).decomposerFor(module);
      assert.equal(settings.variant, 'randomised');
      const [found] = await kernels.decompose({
        ...{ ...settings, rank: RANK },
        grams: [{ gramB: multiply(transpose(b), b).data, gramA: multiply(a, transpose(a)).data }],
        sketches: [normals(0, 'sketch', RANK * settings.columns)],
        probes: [normals(0, 'probe', RANK * PROBES)],
      });
      const lost = energyOf(sigma) - energyOf([...found!.sigma.subarray(0, k)]);
      const excess = Math.sqrt(Math.max(0, lost) / energyOf(sigma.slice(k))) - 1;
      assert.ok(excess <= 1e-4, `excess ${excess}`);
    });
});
