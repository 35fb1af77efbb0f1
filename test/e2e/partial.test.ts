import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { GOOD_ADAPTER } from './bad-adapters.ts';
import { adapterForm, Client, problemOf } from './client.ts';
import { type Service, startService } from './service.ts';

const TARGETS = [{ rank: 1 }, { budget_bytes: 1 }];

describe('a job with one target that fails', () => {
  let dataDir: string;
  let service: Service;
  let client: Client;
  let job: JobRecord;
  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'squeeze-partial-'));
    service = await startService({ dataDir, env: { EXECUTION_PROVIDER: 'cpu' } });
    client = new Client(service.url);
    const { id } = (await (await client.postAdapter(GOOD_ADAPTER)).json()) as AdapterRecord;
    job = await client.squeeze(id, TARGETS);
  });
  after(async () => {
    await service?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('is partial: each target has its own outcome', async () => {
    assert.deepEqual([job.state, job.error, job.attempts], ['partial', null, 1]);
    const [made, failed] = job.results;
    assert.ok(made?.state === 'succeeded' && failed?.state === 'failed');
    assert.equal((await client.fetch(`/v1/adapters/${made.adapter_id}`)).status, 200);
    assert.deepEqual(Object.keys(failed).sort(), ['error', 'state', 'target']);
    assert.deepEqual([failed.target, failed.error.code], [TARGETS[1], 'BUDGET_TOO_SMALL']);
    const report = await client.report(job.id);
    assert.deepEqual(report.targets[1], failed);
    const html = await (await client.fetch(`/v1/jobs/${job.id}/report.html`)).text();
    assert.match(html, /Targets that failed/);
    assert.match(html, /BUDGET_TOO_SMALL/);
  });

  it('is found by its state, counted, and retried as a whole', async () => {
    const listed = await client.json<{ data: JobRecord[] }>('/v1/jobs?state=partial');
    assert.deepEqual(
      listed.data.map(({ id }) => id),
      [job.id],
    );
    const metrics = await (await client.fetch('/metrics')).text();
    assert.match(metrics, /^lora_squeeze_jobs_total\{kind="squeeze",state="partial",tenant="default"\} 1$/m);
    assert.match(metrics, /^lora_squeeze_targets_total\{kind="squeeze",state="failed"\} 1$/m);
    const why = 'kind="squeeze",state="partial",code="BUDGET_TOO_SMALL",fault="caller"';
    assert.ok(metrics.includes(`lora_squeeze_target_failures_total{${why}} 1\n`));
    const retried = await client.fetch(`/v1/jobs/${job.id}/retry`, { method: 'POST' });
    assert.equal(retried.status, 202);
    const again = await client.finished(((await retried.json()) as JobRecord).id);
    assert.deepEqual([again.state, again.retry_of, again.results.length], ['partial', job.id, 2]);
  });

  it('is the response to the call that waits for it', async () => {
    const form = adapterForm(GOOD_ADAPTER);
    form.append('request', JSON.stringify({ targets: TARGETS }));
    const response = await client.fetch('/v1/squeeze', {
      method: 'POST',
      body: form,
      headers: { prefer: 'wait=30' },
    });
    assert.deepEqual([response.status, ((await response.json()) as JobRecord).state], [200, 'partial']);
  });

  it('has failed if no target succeeded, with every error', async () => {
    const { adapter_id } = job.request as { adapter_id: string };
    const failed = await client.squeeze(adapter_id, [{ budget_bytes: 1 }, { budget_parameters: 1 }]);
    assert.deepEqual([failed.state, failed.error?.code], ['failed', 'BUDGET_TOO_SMALL']);
    assert.match(failed.error!.detail, /^targets\[0\]: The budget of 1 bytes/);
    assert.deepEqual(
      failed.results.map(({ state }) => state),
      ['failed', 'failed'],
    );
    assert.equal(
      (await problemOf(await client.fetch(`/v1/jobs/${failed.id}/report`))).code,
      'REPORT_NOT_READY',
    );
  });

  it('does not begin if the record of the adapter rules a target out', async () => {
    const { adapter_id } = job.request as { adapter_id: string };
    const targets = [{ rank: 1 }, { rank: 1, format: 'gguf' }];
    const problem = await problemOf(await client.postJob({ kind: 'squeeze', adapter_id, targets }));
    assert.equal(problem.code, 'VALIDATION_FAILED');
    assert.match(JSON.stringify(problem), /"pointer":"\/targets\/1"/);
  });
});
