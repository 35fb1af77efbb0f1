import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Adapter, LoraModule } from '../../../src/adapter/adapter.ts';
import type { Derivation } from '../../../src/adapter/staging-plan.ts';
import type { WrittenModule } from '../../../src/compute/project-task.ts';
import { slotsFor } from '../../../src/compute/stored-directions.ts';
import type { Target } from '../../../src/contract/target.ts';
import { readAdapter } from '../../../src/formats/read-adapter.ts';
import { applyProfile } from '../../../src/serving/apply-profile.ts';
import { analyzedModule, rankCurve } from '../../../src/squeeze/analyze/analyzed-module.ts';
import { recommendUniform } from '../../../src/squeeze/analyze/recommend.ts';
import { describeSpectra } from '../../../src/squeeze/describe.ts';
import { chooseMethod } from '../../../src/squeeze/method.ts';
import { decomposeAll, projectAll } from '../../../src/squeeze/passes.ts';
import { restOf, withResiduals } from '../../../src/squeeze/residuals.ts';
import { writeStaged } from '../../../src/squeeze/stage/write-staged.ts';
import { TargetRun } from '../../../src/squeeze/target-run.ts';
import { diagonal, gaussianMatrix, orthonormalColumns } from '../../oracle/known-matrices.ts';
import {
  frobenius,
  type Matrix,
  multiply,
  scaled,
  singularValues,
  tailShare,
  transpose,
} from '../../oracle/linear-algebra.ts';
import { readPeftAdapter } from '../../oracle/peft-adapter.ts';
import { computeFixture } from '../compute-fixture.ts';
import { Source, watching } from './stage-fixture.ts';
import { hadamard, minus } from './updates.ts';

const compute = computeFixture();
const RANK = 16;
const SCALE = 2;
const [FULL, LOHA] = ['layers.0.q_proj', 'layers.1.q_proj'] as const;

let source: Source;
let updates: Map<string, Matrix>;
let derivations: Derivation[];
before(() => {
  source = new Source();
  const [m, n] = [70, 60];
  const sigma = Array.from({ length: n }, (_, i) => (i + 1) ** -0.8);
  const full = multiply(
    multiply(orthonormalColumns(m, n, 1), diagonal(sigma)),
    transpose(orthonormalColumns(n, n, 2)),
  );
  const dense = source.add('diff', full);
  const [w1a, w1b, w2a, w2b] = [
    source.add('w1a', gaussianMatrix(m, 4, 3)),
    source.add('w1b', scaled(gaussianMatrix(4, n, 4), 0.01)),
    source.add('w2a', gaussianMatrix(m, 4, 5)),
    source.add('w2b', gaussianMatrix(4, n, 6)),
  ];
  updates = new Map([
    [FULL, dense.matrix],
    [LOHA, hadamard(multiply(w1a.matrix, w1b.matrix), multiply(w2a.matrix, w2b.matrix))],
  ]);
  derivations = [
    { kind: 'dense', module: FULL, m, n, rank: RANK, update: dense.entry },
    {
      ...{ kind: 'hadamard', module: LOHA, m, n, rank: RANK },
      ...{ w1a: w1a.entry, w1b: w1b.entry, w2a: w2a.entry, w2b: w2b.entry },
    },
  ];
  source.write();
});
after(() => source.remove());

/** Stages the source under PEFT's names, as a reader of another format would plan it, and runs both passes. */
async function squeezed(targets: readonly Target[]) {
  const dir = mkdtempSync(join(tmpdir(), 'staged-squeeze-'));
  const path = join(dir, 'staged.safetensors');
  const { pool } = compute;
  const watch = watching();
  const tensors = derivations.flatMap(({ module, m, n, rank }, derivation) =>
    (['a', 'b'] as const).map((factor) => ({
      name: `base_model.model.${module}.lora_${factor.toUpperCase()}.weight`,
      dtype: 'F32',
      shape: factor === 'a' ? [rank, n] : [m, rank],
      source: { kind: 'derived', derivation, factor } as const,
    })),
  );
  const residuals = await writeStaged({ tensors, derivations }, source.path, path, pool, watch);
  const config = {
    peft_type: 'LORA',
    r: RANK,
    lora_alpha: SCALE * RANK,
    target_modules: ['q_proj'],
    bias: 'none',
  };
  const configBytes = Buffer.from(JSON.stringify(config));
  const { adapter } = await readAdapter({ weightsPath: path, configBytes });
  const { modules } = adapter;
  const applied = targets.map((target) => applyProfile(target));
  const limits = applied.map((each) => each.limits);
  const method = chooseMethod(modules, targets, {}, limits);
  const slots = slotsFor(
    join(dir, 'directions'),
    modules.map((module) => ({ rank: module.rank, count: method.decomposerFor(module).keep })),
  );
  const pass = await decomposeAll({ weightsPath: path, modules, method, slots }, pool, watch);
  const { directions } = pass;
  const decompositions = withResiduals(modules, pass.decompositions, residuals);
  const input = {
    ...{ jobId: 'job_1', kind: 'squeeze' as const, sources: [], weightsPath: source.path, configBytes },
    ...{ targets, options: {}, scratchDir: dir, onProgress: () => {}, signal: watch.signal },
  };
  const sourceFiles = [{ name: 'source', bytes: 1 }];
  const job = {
    input,
    adapter,
    isConverted: true,
    decompositions,
    method,
    sourceFiles,
    directions,
    optimizer: null,
  };
  const runs = applied.map((one, index) => new TargetRun(job, index, one));
  for (const run of runs) await run.create(path);
  const orders = runs.map(({ output }) => output!.orders);
  const written = await projectAll({ weightsPath: path, modules, directions, orders }, pool, watch);
  const finished = await Promise.all(
    runs.map((run, index) => run.finish(written[index] as (WrittenModule | null)[])),
  );
  return { dir, adapter, decompositions, finished, remove: () => rmSync(dir, { recursive: true }) };
}

const relative = (update: Matrix, found: { b: Matrix; a: Matrix; scale: number }): number =>
  frobenius(minus(scaled(update, SCALE), scaled(multiply(found.b, found.a), found.scale))) /
  (SCALE * frobenius(update));

const moduleOf = (adapter: Adapter, name: string): number =>
  adapter.modules.findIndex((module: LoraModule) => module.name === name);

describe('a squeeze of a staged adapter', () => {
  it('reports errors against the true ΔW for every target, and the smallest possible ones', async () => {
    const result = await squeezed([{ rank: 4 }, { rank: 12 }, { rank: RANK }]);
    try {
      for (const { outcome, report } of result.finished) {
        const { modules } = readPeftAdapter(join(outcome.files![0]!.path, '..'));
        for (const { name, rank, relative_error, optimal_error } of report.modules) {
          const error = relative(updates.get(name)!, modules.get(name)!);
          assert.ok(
            Math.abs(relative_error - error) <= 1e-3 * error + 2e-7,
            `${relative_error} for ${error}`,
          );
          const least = tailShare(singularValues(updates.get(name)!), rank);
          assert.ok(Math.abs(optimal_error! - least) <= 1e-6 * least + 1e-7, `${optimal_error} for ${least}`);
        }
      }
    } finally {
      result.remove();
    }
  });

  it('writes a new file at its own rank, and reports what that has already lost', async () => {
    const result = await squeezed([{ rank: 64, scale: 'keep' }]);
    try {
      const [{ outcome, report }] = result.finished as [(typeof result.finished)[0]];
      assert.ok(outcome.files, 'the source itself is no adapter of this kind');
      const full = report.modules.find(({ name }) => name === FULL)!;
      const least = tailShare(singularValues(updates.get(FULL)!), RANK);
      assert.ok(Math.abs(full.relative_error / least - 1) < 1e-6);
      assert.equal(full.passthrough, false);
      const loha = report.modules.find(({ name }) => name === LOHA)!;
      assert.ok(loha.relative_error < 1e-6);
      const warning = outcome.result.warnings.find((text) => text.includes(FULL));
      assert.match(warning ?? '', /^1 of 2 modules could only be read as approximations/);
      assert.ok(warning!.includes(least.toPrecision(3)));
    } finally {
      result.remove();
    }
  });

  it('chooses ranks by the energy of the true ΔW', async () => {
    const result = await squeezed([
      { energy: 0.9, uniform: false },
      { tolerance: 0.4, uniform: false },
    ]);
    try {
      for (const [index, allowed] of [Math.sqrt(0.1), 0.4].entries()) {
        const { report } = result.finished[index]!;
        const { rank } = report.modules.find(({ name }) => name === FULL)!;
        const sigma = singularValues(updates.get(FULL)!);
        const needed = Array.from({ length: RANK }, (_, i) => i + 1).find(
          (each) => tailShare(sigma, each) <= allowed,
        );
        assert.equal(rank, needed ?? RANK);
      }
    } finally {
      result.remove();
    }
  });

  it('has energies, curves and an analysis of the true ΔW', async () => {
    const result = await squeezed([{ energy: 1 }]);
    try {
      const { adapter, decompositions } = result;
      const at = moduleOf(adapter, FULL);
      const whole = SCALE ** 2 * frobenius(updates.get(FULL)!) ** 2;
      const spectrum = describeSpectra(adapter, decompositions)[at]!;
      assert.ok(Math.abs(spectrum.energy / whole - 1) < 1e-6);
      const sigma = singularValues(updates.get(FULL)!);
      for (const [i, kept] of spectrum.energy_curve.entries())
        assert.ok(Math.abs(kept - (1 - tailShare(sigma, i + 1) ** 2)) < 1e-6);

      const modules = adapter.modules.map((module, i) =>
        analyzedModule(module, decompositions[i]!.sigma, restOf(module, decompositions[i]!)),
      );
      const curve = rankCurve([modules[at]!]);
      for (const { rank, relative_error } of curve)
        assert.ok(Math.abs(relative_error - tailShare(sigma, rank)) < 1e-6);
      // Beyond a module's own rank, the curve of several still counts what staging lost.
      const longer = {
        ...modules[1 - at]!,
        rank: RANK + 4,
        lost: Float64Array.from({ length: RANK + 5 }, () => 0),
      };
      assert.ok(rankCurve([modules[at]!, longer]).at(-1)!.relative_error > 0.1);
      // No rank is good enough: the recommendation is the full rank, not an error.
      assert.deepEqual(recommendUniform([modules[at]!], curve).target, { rank: RANK });
    } finally {
      result.remove();
    }
  });
});
