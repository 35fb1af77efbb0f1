import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { succeededTargets } from '../../src/charts/succeeded-targets.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { Report } from '../../src/contract/report.ts';
import { scoreWithNumpy, skipWithoutNumpy } from '../oracle/numpy.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { allowedError, type ModuleScore, overallError, scoreAdapter } from '../oracle/score.ts';
import { Client } from './client.ts';
import { fixtureAdapters } from './fixtures.ts';
import { type Service, startService } from './service.ts';
import { ENERGY, METHODS, type SqueezedOutput, squeezeAndDownload } from './squeezed.ts';
import { stackLayers } from './stack-layers.ts';

/**
 * How far above the optimum each method may end, relative (before rounding to the output dtype; see
 * allowedError).
 */
const EXCESS = { exact: 1e-6, rsvd: 1e-4 } as const;

/**
 * The permitted deviation of the report: 1e-3 of the error itself, and 1e-7 of ‖ΔW‖. The latter is what
 * differences of float64 Gram matrices resolve (√ε ≈ 1.5e-8, times the growth of rounding), and the size of
 * float32 rounding.
 */
const reportTolerance = (error: number): number => 1e-3 * error + 1e-7;

const GPT2 = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!.dir;

type Scored = SqueezedOutput & { readonly scores: Map<string, ModuleScore> };

describe('the squeeze of trained adapters, compared with float64 oracles', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-e2e-'));
  // The trained adapters have at most rank 8, for which a sketch would be as wide as the adapter, so exact is
  // used.
  const stacked = [stackLayers(GPT2, join(scratch, 'stacked'))];
  let service: Service;
  let client: Client;

  before(async () => {
    service = await startService({ dataDir: join(scratch, 'data'), env: { EXECUTION_PROVIDER: 'cpu' } });
    client = new Client(service.url);
  });
  after(async () => {
    await service?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  for (const { name, dir } of [...fixtureAdapters(), ...stacked]) {
    const source = readPeftAdapter(dir);
    const isSketched = name.startsWith('stacked');
    for (const method of isSketched ? METHODS : (['exact'] as const)) {
      describe(`${name} by ${method}`, () => {
        const tolerance = EXCESS[method];
        let adapterId: string;
        let job: JobRecord;
        let report: Report;
        let outputs: Scored[];

        before(async () => {
          const { adapter } = await client.upload(dir);
          adapterId = adapter.id;
          const folder = join(scratch, name, method);
          const squeezed = await squeezeAndDownload(client, adapter.id, adapter.ranks.max, method, folder);
          job = squeezed.job;
          report = await client.report(job.id);
          outputs = squeezed.outputs.map((each) => ({ ...each, scores: scoreAdapter(source, each.adapter) }));
        });

        it('used the requested method, if it makes a difference', async () => {
          assert.deepEqual([report.method.requested, report.method.used], [method, method]);
          for (const module of report.modules) assert.equal(module.power_iterations > 0, method === 'rsvd');
          if (isSketched) return;
          const sketched = await client.squeeze(adapterId, [outputs[0]!.target], { method: 'rsvd' });
          const sketchedReport = await client.report(sketched.id);
          assert.deepEqual([sketchedReport.method.requested, sketchedReport.method.used], ['rsvd', 'exact']);
          for (const module of sketchedReport.modules) assert.equal(module.power_iterations, 0);
          const errors = (of: Report) =>
            succeededTargets(of)[0]!.modules.map(({ relative_error }) => relative_error);
          assert.deepEqual(errors(sketchedReport), errors(report));
        });

        it('reaches the requested rank', () => {
          for (const { target, adapter, result } of outputs) {
            const ranks = [...adapter.modules.values()].map(({ rank }) => rank);
            assert.deepEqual(result.rank, { min: Math.min(...ranks), max: Math.max(...ranks) });
            if ('rank' in target) assert.deepEqual(new Set(ranks), new Set([target.rank]));
            else if (target.uniform !== false) assert.equal(new Set(ranks).size, 1);
          }
        });

        it('is as close as the rank allows', (t) => {
          let worst = 0;
          for (const { label, target, scores } of outputs) {
            for (const [module, score] of scores) {
              const what = `${label}, ${module}: ${score.actualError}, optimum ${score.optimalError}`;
              assert.ok(score.actualError <= allowedError(score, tolerance), what);
              assert.ok(score.actualError >= (1 - 1e-9) * score.optimalError, what);
              // If the optimum is smaller, the error is mostly rounding to float32.
              if (target.dtype === undefined && score.optimalError > 1e-4) {
                worst = Math.max(worst, score.actualError / score.optimalError - 1);
              }
            }
          }
          t.diagnostic(`largest excess over the optimum in float32: ${worst.toExponential(1)}`);
        });

        it('is as close by numpy as well', { skip: skipWithoutNumpy() }, async () => {
          const folders = outputs.map((output) => output.dir);
          const theirs = await scoreWithNumpy(dir, folders);
          outputs.forEach(({ label, scores }, at) => {
            for (const [module, score] of scores) {
              const other = theirs[at]![module]!;
              const what = `${label}, ${module}: ${other.actual_error}, optimum ${other.optimal_error}`;
              assert.ok(Math.abs(score.optimalError - other.optimal_error) < 1e-11, what);
              assert.ok(Math.abs(score.actualError - other.actual_error!) < 1e-11, what);
              assert.ok(other.actual_error! <= allowedError(score, tolerance), what);
            }
          });
        });

        it('reports the error of the written files', () => {
          outputs.forEach(({ label, result, scores }, at) => {
            const reported = succeededTargets(report)[at]!;
            const overall = overallError(scores.values());
            for (const value of [result.relative_error, reported.relative_error]) {
              near(value, overall, reportTolerance(overall), label);
            }
            for (const value of [result.energy_retained, reported.energy_retained]) {
              near(value, 1 - overall ** 2, 3 * reportTolerance(overall), label);
            }
            assert.equal(reported.adapter_id, result.adapter_id);
            assert.deepEqual(
              reported.modules.map((module) => module.name),
              [...scores.keys()],
            );
            for (const module of reported.modules) {
              const { rank, actualError, optimalError } = scores.get(module.name)!;
              const what = `${label}, ${module.name}`;
              assert.equal(module.rank, rank);
              near(module.relative_error, actualError, reportTolerance(actualError), what);
              if (module.optimal_error !== null) {
                near(module.optimal_error, optimalError, reportTolerance(optimalError), what);
              }
            }
            const worst = Math.max(...reported.modules.map((module) => module.relative_error));
            if (worst > 0) assert.equal(result.worst_module?.relative_error, worst);
          });
        });

        it('reports the spectrum', () => {
          const { scores } = outputs[0]!;
          assert.deepEqual(
            report.modules.map((module) => module.name),
            [...scores.keys()],
          );
          for (const module of report.modules) {
            const { energy, sigma } = scores.get(module.name)!;
            near(module.energy, energy, 1e-9 * energy, module.name);
            if (report.method.used === 'exact') {
              assert.ok(module.singular_values.length >= sigma.length, module.name);
              for (const [i, value] of sigma.entries()) {
                const allowed = value > 1e-3 * sigma[0]! ? 1e-9 * value : 1e-8 * sigma[0]!;
                near(module.singular_values[i]!, value, allowed, `${module.name}: σ${i}`);
              }
            }
            module.energy_curve.forEach((share, i) => {
              assert.ok(share >= (module.energy_curve[i - 1] ?? 0) && share <= 1 + 1e-12, module.name);
            });
          }
        });

        it('keeps the requested energy with the smallest rank', () => {
          for (const { label, target, scores } of outputs) {
            if (!('energy' in target)) continue;
            const least = new Map([...scores].map(([module, score]) => [module, leastRank(score, ENERGY)]));
            const most = Math.max(...least.values());
            for (const [module, score] of scores) {
              assert.ok(1 - score.optimalError ** 2 >= ENERGY, `${label}, ${module}: rank ${score.rank}`);
              // A sketch knows a lower bound of the energy it captured, so it may need one more rank to be
              // sure.
              const slack = report.method.used === 'exact' ? 0 : 1;
              const enough = (target.uniform === false ? least.get(module)! : most) + slack;
              assert.ok(score.rank <= enough, `${label}, ${module}: rank ${score.rank}, ${enough} would do`);
            }
          }
        });
      });
    }
  }
});

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, not ${expected} ± ${tolerance}`);
}

/** The smallest rank, at least 1, that keeps a share of the energy. */
function leastRank({ sigma, energy }: ModuleScore, share: number): number {
  let rank = 0;
  for (let kept = 0; kept < share * energy; rank++) kept += sigma[rank]! ** 2;
  return Math.max(1, rank);
}
