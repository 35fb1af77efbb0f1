import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { Analysis } from '../../src/contract/analysis.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import type { Report } from '../../src/contract/report.ts';
import type { Target } from '../../src/contract/target.ts';
import { singularValuesOfProduct, tailShare } from '../oracle/linear-algebra.ts';
import { readPeftAdapter } from '../oracle/peft-adapter.ts';
import { Client, problemOf } from './client.ts';
import { listKept } from './data-folder.ts';
import { fixtureAdapters } from './fixtures.ts';
import { succeed } from './run-job.ts';
import { type Service, startService } from './service.ts';
import { stackLayers } from './stack-layers.ts';
import { waitForMetrics } from './wait-for-metrics.ts';

const GPT2 = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!.dir;

describe('the analysis of trained adapters', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'analyze-e2e-'));
  const dataDir = join(scratch, 'data');
  let service: Service;
  let client: Client;

  before(async () => {
    service = await startService({ dataDir, env: { EXECUTION_PROVIDER: 'cpu' } });
    client = new Client(service.url);
  });
  after(async () => {
    await service?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  for (const { name, dir } of [...fixtureAdapters(), stackLayers(GPT2, join(scratch, 'stacked'))]) {
    describe(name, () => {
      let adapterId: string;
      let job: JobRecord;
      let report: Report;
      let analysis: Analysis;

      before(async () => {
        adapterId = (await client.upload(dir)).adapter.id;
        job = await succeed(client, { kind: 'analyze', adapter_id: adapterId });
        report = await client.report(job.id);
        analysis = report.analysis!;
      });

      it('writes no adapter', () => {
        assert.deepEqual(
          [job.kind, job.results, report.kind, report.targets],
          ['analyze', [], 'analyze', []],
        );
        assert.deepEqual(
          report.sources.map(({ id }) => id),
          [adapterId],
        );
        assert.deepEqual([job.progress.phase, job.progress.done], ['done', job.progress.total]);
      });

      it('states the least possible error at every rank', () => {
        const modules = [...readPeftAdapter(dir).modules.values()];
        const spectra = modules.map(({ b, a, scale }) =>
          singularValuesOfProduct(b, a).map((value) => Math.abs(scale) * value),
        );
        const energies = spectra.map((sigma) => sigma.reduce((sum, value) => sum + value ** 2, 0));
        const total = energies.reduce((x, y) => x + y);
        for (const point of analysis.curve) {
          const shares = spectra.map((sigma) => tailShare(sigma, point.rank));
          const lost = shares.reduce((sum, share, i) => sum + share ** 2 * energies[i]!, 0);
          assert.ok(Math.abs(point.relative_error - Math.sqrt(lost / total)) < 1e-7, String(point.rank));
          assert.ok(Math.abs(point.worst_module_error - Math.max(...shares)) < 1e-7, String(point.rank));
        }
        assert.equal(analysis.curve.length, Math.max(...modules.map(({ rank }) => rank)));
      });

      it('recommends ranks whose error a squeeze then has', async () => {
        const targets = [analysis.uniform, analysis.budget].map(({ target }) => target as Target);
        const squeezed = await succeed(client, {
          kind: 'squeeze',
          adapter_id: adapterId,
          targets,
          options: { method: 'exact' },
        });
        for (const [i, reported] of [analysis.uniform, analysis.budget].entries()) {
          const { rank, parameters, relative_error } = succeededResults(squeezed)[i]!;
          assert.deepEqual({ rank, parameters }, { rank: reported.rank, parameters: reported.parameters });
          assert.ok(
            Math.abs(relative_error - reported.relative_error) < 1e-3 * reported.relative_error + 1e-6,
          );
        }
        assert.ok(analysis.budget.relative_error <= analysis.uniform.relative_error);
      });

      it('describes every module', () => {
        assert.equal(analysis.modules.length, report.modules.length);
        for (const [i, { name, effective_rank, stable_rank, knee }] of analysis.modules.entries()) {
          const { rank, name: same } = report.modules[i]!;
          assert.equal(name, same);
          for (const value of [effective_rank, stable_rank]) assert.ok(value >= 0 && value <= rank + 1e-9);
          assert.ok(knee >= 1 && knee <= rank);
        }
      });
    });
  }

  it('leaves only its records, and is counted in the metrics', async () => {
    const { adapter } = await client.upload(GPT2);
    const contents = () => listKept(dataDir).filter((path) => /content\/.*-\d+$/.test(path)).length;
    const before = contents();
    await succeed(client, { kind: 'analyze', adapter_id: adapter.id });
    assert.equal(contents(), before + 1, 'its report');
    await waitForMetrics(
      async () => (await client.bytes('/metrics')).toString('utf8'),
      /^lora_squeeze_jobs_total\{kind="analyze",state="succeeded",tenant="default"\} [1-9]/m,
      /^lora_squeeze_job_written_bytes_total\{kind="analyze"\} 0$/m,
    );
  });

  it('accepts an adapter and no target', async () => {
    const missing = { kind: 'analyze', adapter_id: `ad_${'0'.repeat(32)}` };
    assert.equal((await problemOf(await client.postJob(missing))).code, 'ADAPTER_NOT_FOUND');
    const { adapter } = await client.upload(GPT2);
    const withTargets = { kind: 'analyze', adapter_id: adapter.id, targets: [{ rank: 1 }] };
    const problem = await problemOf(await client.postJob(withTargets));
    assert.equal(problem.code, 'UNKNOWN_OPTION');
    assert.match(problem.detail, /targets/);
  });
});
