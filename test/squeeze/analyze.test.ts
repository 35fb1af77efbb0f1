import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Analysis } from '../../src/contract/analysis.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { analyze, judgeModule } from '../../src/squeeze/analyze/analyze.ts';
import type { AnalyzedModule } from '../../src/squeeze/analyze/analyzed-module.ts';
import { analyzedModule, evaluateRanks, rankCurve } from '../../src/squeeze/analyze/analyzed-module.ts';
import {
  FAIR_ERROR,
  MAX_GOOD_ERROR,
  recommendBudget,
  recommendUniform,
} from '../../src/squeeze/analyze/recommend.ts';
import type { JobContext } from '../../src/squeeze/job-context.ts';
import { matrix, singularValuesOfProduct, tailShare } from '../oracle/linear-algebra.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { computeFixture } from './compute-fixture.ts';
import { bfloat16Tensor, type ModuleFactors, someModules, squeezing } from './make-adapter.ts';
import { sourceOf } from './merging.ts';
import { requireSuccess, type SuccessfulOutcome } from './successful-squeeze.ts';

const compute = computeFixture();
const { adapter } = compute;

async function analyzing<T>(
  dir: string,
  use: (analysis: Analysis, outcome: SuccessfulOutcome) => T | Promise<T>,
  context: Partial<JobContext> = {},
): Promise<T> {
  const scratchDir = mkdtempSync(join(tmpdir(), 'analyzed-'));
  try {
    const outcome = requireSuccess(
      await analyze(
        {
          source: sourceOf(dir),
          scratchDir,
          onProgress: () => {},
          signal: new AbortController().signal,
          ...context,
        },
        compute.pool,
      ),
    );
    assert.deepEqual(readdirSync(scratchDir), [], 'an analysis writes nothing');
    return await use(outcome.report.analysis!, outcome);
  } finally {
    rmSync(scratchDir, { recursive: true });
  }
}

/** Modules of ranks 12, 4 and 1. */
const uneven = (): string =>
  adapter([...someModules(12, 1), ...named('layers.8.q_proj', 4), ...named('layers.9.q_proj', 1)], {
    rank_pattern: { 'layers.8.q_proj': 4, 'layers.9.q_proj': 1 },
    alpha_pattern: { 'layers.8.q_proj': 40 },
  });
const named = (name: string, rank: number): ModuleFactors[] =>
  someModules(rank, 1).map((module) => ({ ...module, name }));

/** A module with a given spectrum, as the pure functions get it. */
function module(sigma: readonly number[], [m, n]: readonly [number, number] = [10, 10]): AnalyzedModule {
  const factor = { name: '', shape: [], beginByte: 0, endByte: 0 };
  return analyzedModule(
    {
      name: 'q',
      kind: 'linear',
      a: { ...factor, dtype: 'F32' },
      b: { ...factor, dtype: 'BF16' },
      rank: sigma.length,
      m,
      n,
      scale: 1,
    },
    Float64Array.from(sigma),
  );
}
const decay = (rank: number, exponent: number): number[] =>
  Array.from({ length: rank }, (_, i) => (i + 1) ** -exponent);

describe('an analysis', () => {
  it('knows the least error at every rank, overall and for the worst module', async () => {
    const dir = uneven();
    const source = [...readPeftAdapter(dir).modules.values()];
    const spectra = source.map(({ b, a, scale }) =>
      singularValuesOfProduct(b, a).map((value) => scale * value),
    );
    const energyOf = (sigma: Float64Array) => sigma.reduce((sum, value) => sum + value ** 2, 0);
    await analyzing(dir, ({ curve }) => {
      assert.deepEqual(
        curve.map(({ rank }) => rank),
        Array.from({ length: 12 }, (_, i) => i + 1),
      );
      for (const point of curve) {
        const shares = spectra.map((sigma, i) => tailShare(sigma, Math.min(point.rank, source[i]!.rank)));
        const lost = shares.reduce((sum, share, i) => sum + share ** 2 * energyOf(spectra[i]!), 0);
        const total = spectra.reduce((sum, sigma) => sum + energyOf(sigma), 0);
        assert.ok(Math.abs(point.relative_error - Math.sqrt(lost / total)) < 1e-9);
        const mean = shares.reduce((sum, share) => sum + share ** 2, 0) / shares.length;
        assert.ok(Math.abs(point.module_relative_error! - Math.sqrt(mean)) < 1e-9);
        assert.ok(Math.abs(point.worst_module_error - Math.max(...shares)) < 1e-9);
        const parameters = source.reduce(
          (sum, { rank, b, a }) => sum + Math.min(rank, point.rank) * (b.rows + a.columns),
          0,
        );
        assert.equal(point.parameters, parameters);
        assert.equal(point.bytes, 4 * parameters);
      }
      assert.equal(curve.at(-1)!.relative_error, 0);
    });
  });

  it('predicts a squeeze: the recommended targets have the stated errors', async () => {
    const dir = adapter([...someModules(16, 4), ...named('layers.8.q_proj', 16)]);
    await analyzing(dir, async ({ uniform, budget }) => {
      const targets = [uniform.target, budget.target] as { rank: number }[];
      await squeezing(
        compute.pool,
        dir,
        { targets, options: { method: 'exact' } },
        ({ targets: outcomes }) => {
          for (const [i, compared] of [uniform, budget].entries()) {
            const { result } = outcomes[i]!;
            assert.deepEqual(result.rank, compared.rank);
            assert.equal(result.parameters, compared.parameters);
            assert.ok(Math.abs(result.relative_error / compared.relative_error - 1) < 1e-4);
            assert.ok(Math.abs(result.module_relative_error! / compared.module_relative_error! - 1) < 1e-4);
          }
          assert.ok(
            budget.module_relative_error! < uniform.module_relative_error!,
            'the modules should differ for a budget to pay',
          );
          assert.ok(budget.parameters <= uniform.parameters);
        },
      );
    });
  });

  it('reports the exact spectra, and no results', async () => {
    const dir = uneven();
    await analyzing(dir, (analysis, { report, targets, bytesRead, bytesWritten, modules }) => {
      assert.deepEqual(
        [report.kind, report.method.used, targets, report.targets],
        ['analyze', 'exact', [], []],
      );
      assert.deepEqual(
        report.modules.map(({ singular_values }) => singular_values.length),
        [12, 4, 1],
      );
      assert.deepEqual(
        analysis.modules.map(({ name }) => name),
        report.modules.map(({ name }) => name),
      );
      assert.deepEqual(report.sources, [
        { id: sourceOf(dir).id, sha256: sourceOf(dir).sha256, bytes: bytesRead, base_model: null, weight: 1 },
      ]);
      assert.deepEqual([bytesWritten, modules], [0, 3]);
    });
  });

  it('counts bytes in the dtypes of the source', async () => {
    const dir = adapter(someModules(4, 2), {}, { encode: bfloat16Tensor });
    await analyzing(dir, ({ curve }) => {
      for (const { bytes, parameters } of curve) assert.equal(bytes, 2 * parameters);
    });
  });

  it('finds dead modules, and an adapter in which all are dead', async () => {
    const zero = (name: string): ModuleFactors => ({ name, b: matrix(30, 4), a: someModules(4, 1)[0]!.a });
    await analyzing(adapter([...someModules(4, 2), zero('layers.5.q_proj')]), ({ modules, curve }) => {
      assert.equal(modules.at(-1)!.verdict, 'dead');
      assert.deepEqual([modules.at(-1)!.effective_rank, modules.at(-1)!.knee], [0, 1]);
      assert.ok(modules.slice(0, -1).every(({ verdict }) => verdict !== 'dead'));
      assert.ok(curve[0]!.relative_error > 0);
    });
    await analyzing(adapter([zero('layers.5.q_proj')]), ({ modules, curve, uniform, budget }, { report }) => {
      assert.equal(modules[0]!.verdict, 'dead');
      assert.ok(curve.every(({ relative_error }) => relative_error === 0));
      assert.deepEqual([uniform.target, uniform.relative_error, budget.relative_error], [{ rank: 1 }, 0, 0]);
      assert.doesNotMatch(JSON.stringify(report), /NaN/);
    });
  });

  it('reports its progress and stops when it is cancelled', async () => {
    const phases: string[] = [];
    await analyzing(uneven(), () => {}, { onProgress: ({ phase }) => void phases.push(phase) });
    assert.deepEqual([...new Set(phases)], ['load', 'gram', 'core', 'done']);
    await assert.rejects(
      analyzing(uneven(), () => {}, { signal: AbortSignal.abort() }),
      (error) => error instanceof AppError && error.code === 'CANCELLED',
    );
  });
});

describe('the verdict on a module', () => {
  const verdictOf = (sigma: readonly number[], meanEnergy = 1) =>
    judgeModule(module(sigma), meanEnergy).verdict;

  it('is "resists" for a spectrum without decay, "compressible" for a steep one', () => {
    assert.equal(verdictOf(new Array(16).fill(1)), 'resists');
    assert.equal(verdictOf(decay(16, 0.7)), 'compressible');
    assert.equal(verdictOf([1, 0, 0, 0]), 'compressible');
  });

  it('is "resists" for a rank that cannot fall', () => {
    assert.equal(verdictOf([1]), 'resists');
    assert.equal(verdictOf([1, 0.1]), 'compressible');
  });

  it('is "dead" next to modules a thousand times its size, whatever their scalings', () => {
    assert.equal(verdictOf([0.9e-3, 0]), 'dead');
    assert.equal(verdictOf([1.1e-3, 0]), 'compressible');
    assert.equal(verdictOf([1e-20, 0], 1e-40), 'compressible');
  });

  it('loses less than 0.1 % error if all dead modules are removed', () => {
    const modules = [...new Array(200).fill(0).map(() => module([0.999e-3])), module([1])];
    const energies = modules.map(({ lost }) => lost[0]!);
    const total = energies.reduce((x, y) => x + y);
    const mean = total / modules.length;
    const dead = modules.filter((one) => judgeModule(one, mean).verdict === 'dead');
    assert.ok(Math.sqrt(dead.reduce((sum, { lost }) => sum + lost[0]!, 0) / total) <= 1e-3);
  });
});

describe('the recommended rank', () => {
  const recommend = (...modules: AnalyzedModule[]) => recommendUniform(modules, rankCurve(modules));

  it('is the smallest with a small mean module error', () => {
    const modules = [module([1, 0.2, 0.04, 0.01, 0, 0, 0, 0]), module([2, 0.3, 0.05, 0.01, 0.01, 0, 0, 0])];
    const curve = rankCurve(modules);
    const { target, module_relative_error: error, reason } = recommendUniform(modules, curve);
    const { rank } = target as { rank: number };
    assert.ok(error <= MAX_GOOD_ERROR && curve[rank - 2]!.module_relative_error > MAX_GOOD_ERROR);
    assert.match(reason, /smallest with a mean module error of at most 5\.00\u00a0% at which every module/);
  });

  it('weighs small modules like large ones', () => {
    const large = module([100, 1, 0, 0, 0, 0, 0, 0]);
    const small = module([1, 0.2, 0.02, 0.01, 0, 0, 0, 0]);
    const curve = rankCurve([large, small]);
    assert.ok(curve[0]!.relative_error < MAX_GOOD_ERROR && curve[0]!.module_relative_error > MAX_GOOD_ERROR);
    assert.deepEqual(recommend(large, small).target, { rank: 2 });
  });

  it('does not let a large module hide the loss of a small one', () => {
    const large = module([1, 0, 0, 0, 0, 0, 0, 0]);
    const small = module([0.01, 0.01, 0.01, 0.0005, 0, 0, 0, 0]);
    const dead = module([1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4]);
    assert.deepEqual(recommend(large).target, { rank: 1 });
    assert.deepEqual(recommend(large, small).target, { rank: 3 });
    assert.deepEqual(recommend(large, small, dead).target, { rank: 3 });
  });

  it('keeps 90 % of every module if a small error would save next to nothing', () => {
    const { target, module_relative_error, reason } = recommend(
      module([...decay(4, 0.2), ...new Array(28).fill(0.1)]),
      module([1, ...new Array(31).fill(0.01)]),
    );
    assert.deepEqual(target, { rank: 4 });
    assert.ok(module_relative_error > MAX_GOOD_ERROR && module_relative_error <= FAIR_ERROR);
    assert.match(
      reason,
      /^Rank 4 is the smallest at which every module keeps 90\u00a0% .* at most 5.00\u00a0% takes rank 31\.$/,
    );
  });

  it('is the rank itself if all directions matter equally, or there is only one', () => {
    assert.deepEqual(recommend(module(new Array(16).fill(1))).target, { rank: 16 });
    assert.match(
      recommend(module(new Array(16).fill(1))).reason,
      /^No rank up to 12 .*: 1 of 1 module loses more there\. Keep rank 16/,
    );
    assert.deepEqual(recommend(module([3])).target, { rank: 1 });
    assert.match(recommend(module([3])).reason, /1 already/);
  });

  it('never exceeds the rank of a module', () => {
    const { rank } = recommend(module([1]), module([1, 0.9, 0.04, 0.03, 0.02, 0.01, 0.01, 0.01]));
    assert.deepEqual(rank, { min: 1, max: 2 });
  });
});

describe('the recommended budget', () => {
  const recommendations = (...modules: AnalyzedModule[]) => {
    const curve = rankCurve(modules);
    const uniform = recommendUniform(modules, curve);
    return { curve, uniform, budget: recommendBudget(modules, uniform, curve) };
  };

  it('is better than the uniform rank with no more parameters, and states what one rank for all loses', () => {
    const { curve, uniform, budget } = recommendations(
      module(decay(16, 0.8), [100, 100]),
      module(decay(16, 2), [20, 60]),
      module(decay(16, 1)),
    );
    assert.deepEqual(budget.target, { budget_parameters: uniform.parameters });
    assert.ok(budget.parameters <= uniform.parameters);
    assert.ok(budget.module_relative_error < uniform.module_relative_error);
    const numbers = budget.reason.match(
      /error is ([\d.]+)\u00a0% instead of ([\d.]+)\u00a0%.* rank_pattern; .* needs rank (\d+) to match it\.$/,
    );
    assert.ok(numbers, budget.reason);
    for (const [index, { module_relative_error: error }] of [budget, uniform].entries())
      assert.equal(numbers[index + 1], (100 * error).toPrecision(3));
    const needed = Number(numbers[3]);
    assert.ok(curve[needed - 1]!.module_relative_error <= budget.module_relative_error);
    assert.ok(curve[needed - 2]!.module_relative_error > budget.module_relative_error);
  });

  it('reports that there is nothing to gain', () => {
    const { uniform, budget } = recommendations(module(decay(8, 1)), module(decay(8, 1)));
    assert.equal(budget.module_relative_error, uniform.module_relative_error);
    assert.match(budget.reason, /gain nothing/);
  });
});

describe('the loss of an allocation', () => {
  it('is that of the curve for a uniform rank', () => {
    const modules = [module(decay(9, 0.5)), module(decay(3, 1), [7, 5]), module(decay(6, 2))];
    for (const point of rankCurve(modules)) {
      const { relative_error, module_relative_error, parameters, bytes } = evaluateRanks(
        modules,
        modules.map(({ rank }) => Math.min(rank, point.rank)),
      );
      assert.ok(Math.abs(relative_error - point.relative_error) < 1e-15);
      assert.equal(module_relative_error, point.module_relative_error);
      assert.deepEqual([parameters, bytes], [point.parameters, point.bytes]);
    }
  });

  it('is calculated quickly for 4,000 modules', () => {
    const modules = Array.from({ length: 4000 }, (_, i) => module(decay(64, 0.3 + (i % 20) / 10)));
    const curve = rankCurve(modules);
    const uniform = recommendUniform(modules, curve);
    const budget = recommendBudget(modules, uniform, curve);
    assert.ok(budget.module_relative_error <= uniform.module_relative_error);
  });

  it('of a module at the ends of the range of numbers is still finite', () => {
    for (const size of [1e-150, 1e-30, 1e30, 1e150]) {
      const [point] = rankCurve([module([size, size / 2])]);
      assert.ok(Math.abs(point!.relative_error - Math.sqrt(0.2)) < 1e-12, String(size));
      assert.ok(Math.abs(point!.module_relative_error - Math.sqrt(0.2)) < 1e-12, String(size));
    }
  });
});
