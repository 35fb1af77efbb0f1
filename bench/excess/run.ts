import { PROBES } from '../../src/core/onnx/excess.ts';
import { normals } from '../../src/core/random.ts';
import { Kernels } from '../../src/engine/kernels.ts';
import { chooseMethod } from '../../src/squeeze/method.ts';
import { factorsWithSpectrum } from '../../test/oracle/known-matrices.ts';
import { type Matrix, multiply, transpose } from '../../test/oracle/linear-algebra.ts';

/**
 * Measures how far the default method is from the optimum, on spectra of every kind:
 * `npx tsx bench/excess/run.ts 64,256,512,1024`. Gram matrices are computed from float64 factors, so that only the
 * method matters.
 */
const SPECTRA: Readonly<Record<string, (i: number, rank: number, k: number) => number>> = {
  'i^-0.1': (i) => (i + 1) ** -0.1,
  'i^-0.5': (i) => (i + 1) ** -0.5,
  'i^-1': (i) => (i + 1) ** -1,
  linear: (i, rank) => 1 - (0.8 * i) / rank,
  step: (i) => (i < 40 ? 1 : 0.99),
  flat: () => 1,
  graded: (i) => 0.9 ** i,
  'wide cluster': (i, _, k) => (i < k - 2 ? 1 : i < k + 6 ? 0.5 : 0.25),
  'close cluster': (i, _, k) => (i < k - 2 ? 1 : i < k + 30 ? 0.5 : 0.499),
};
const TARGETS = [4, 16, 64];

const kernels = new Kernels('cpu');
const energyOf = (values: readonly number[]): number => values.reduceRight((sum, x) => sum + x * x, 0);
const row = (cells: readonly (string | number)[]): void => console.log(`| ${cells.join(' | ')} |`);

row(['r', 'k', 'spectrum', 'used', 'iterations', 'excess', 'seconds']);
row(Array(7).fill('---'));
for (const rank of (process.argv[2] ?? '64,256').split(',').map(Number)) {
  const gram = ({ b, a }: { b: Matrix; a: Matrix }) => ({
    gramB: multiply(transpose(b), b).data,
    gramA: multiply(a, transpose(a)).data,
  });
  for (const k of TARGETS) {
    const module = { name: 'module', rank, m: rank, n: rank };
    const settings = chooseMethod([module], [{ rank: k }], {}).decomposerFor(module);
    for (const [name, of] of Object.entries(SPECTRA)) {
      if (settings.variant === 'exact' && rank > 256) continue;
      const sigma = Array.from({ length: rank }, (_, i) => of(i, rank, k));
      const input = {
        ...{ ...settings, rank, grams: [gram(factorsWithSpectrum(rank, rank, sigma, rank))] },
        sketches: [normals(0, 'sketch', rank * settings.columns)],
        probes: [normals(0, 'probe', rank * PROBES)],
      };
      const startedMs = performance.now();
      const [found] = await kernels.decompose(input);
      const seconds = (performance.now() - startedMs) / 1000;
      const lost = energyOf(sigma) - energyOf([...found!.sigma.subarray(0, k)]);
      const excess = Math.sqrt(Math.max(0, lost) / energyOf(sigma.slice(k))) - 1;
      row([rank, k, name, settings.variant, found!.iterations, excess.toExponential(1), seconds.toFixed(3)]);
    }
  }
}
await kernels.close();
