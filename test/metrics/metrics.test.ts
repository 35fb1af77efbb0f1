import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import type { JobRecord, ProviderInfo } from '../../src/contract/job.ts';
import { Metrics } from '../../src/metrics/metrics.ts';

const metrics = (): Metrics => new Metrics({ version: '1.2.3' });

const job = (change: Partial<JobRecord> = {}): JobRecord => ({
  id: 'job_1',
  kind: 'squeeze',
  state: 'succeeded',
  progress: { phase: 'waiting', done: 2, total: 2, module: null },
  created_at: '2026-01-01T00:00:00Z',
  started_at: '2026-01-01T00:00:01Z',
  finished_at: '2026-01-01T00:00:02Z',
  attempts: 1,
  request: { kind: 'squeeze', adapter_id: 'ad_1', targets: [{ rank: 4 }] },
  name: null,
  labels: {},
  priority: 'normal',
  ttl_seconds: null,
  expires_at: null,
  batch_id: null,
  retry_of: null,
  webhook_id: null,
  reused: false,
  imported: null,
  deliveries: [],
  results: [
    {
      target: { rank: 4 },
      state: 'succeeded',
      adapter_id: 'ad_2',
      format: 'peft',
      rank: { min: 4, max: 4 },
      bytes: 100,
      parameters: 50,
      relative_error: 0.02,
      energy_retained: 0.9996,
      worst_module: null,
      serving: null,
      training: null,
      warnings: [],
    },
  ],
  timings: { queue_wait: 0.3, load: 0.01, gram: 0.02, core: 0.5, project: 0.04, write: 0.06, total: 0.8 },
  provider: null,
  error: null,
  ...change,
});

const provider: ProviderInfo = {
  name: 'cpu',
  requested: 'auto',
  threads: 2,
  onnxruntime: '1.30.0',
  fallback_reason: 'no CUDA',
};

const ended = (change: Partial<JobRecord> = {}) => ({
  ...{ job: job(change), tenant: 'team', workBytes: 1_000 },
});

/** The value of one sample, or undefined if the exposition has no such line. */
async function sample(from: Metrics, line: string): Promise<number | undefined> {
  const found = (await from.render()).split('\n').find((row) => row.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
}

describe('Metrics', () => {
  it('separates the kinds of jobs, including the one without results', async () => {
    const m = metrics();
    const request = { kind: 'analyze', adapter_id: 'ad_1' } as const;
    m.jobFinished(ended({ kind: 'analyze', request, results: [] }), {
      modules: 7,
      bytesRead: 10,
      bytesWritten: 0,
    });
    m.jobFinished(ended({ kind: 'merge' }), { modules: 2, bytesRead: 20, bytesWritten: 5 });
    assert.equal(
      await sample(m, 'lora_squeeze_jobs_total{kind="analyze",state="succeeded",tenant="team"}'),
      1,
    );
    assert.equal(await sample(m, 'lora_squeeze_modules_total{kind="analyze"}'), 7);
    assert.equal(await sample(m, 'lora_squeeze_job_written_bytes_total{kind="analyze"}'), 0);
    assert.equal(await sample(m, 'lora_squeeze_relative_error_ratio_count{kind="analyze"}'), undefined);
    assert.equal(await sample(m, 'lora_squeeze_relative_error_ratio_count{kind="merge"}'), 1);
    assert.equal(await sample(m, 'lora_squeeze_job_read_bytes_total{kind="merge"}'), 20);
  });

  it('counts finished jobs by kind and state, and their sizes', async () => {
    const m = metrics();
    m.jobFinished(ended(), { modules: 2, bytesRead: 1000, bytesWritten: 300 });
    m.jobFinished(ended(), { modules: 3, bytesRead: 1, bytesWritten: 2 });
    assert.equal(
      await sample(m, 'lora_squeeze_jobs_total{kind="squeeze",state="succeeded",tenant="team"}'),
      2,
    );
    assert.equal(await sample(m, 'lora_squeeze_modules_total{kind="squeeze"}'), 5);
    assert.equal(await sample(m, 'lora_squeeze_job_read_bytes_total{kind="squeeze"}'), 1001);
    assert.equal(await sample(m, 'lora_squeeze_job_written_bytes_total{kind="squeeze"}'), 302);
  });

  it('counts failures by code, without unknown durations', async () => {
    const m = metrics();
    const error = { code: 'NON_FINITE_WEIGHTS', title: 't', detail: 'd', retryable: false };
    m.jobFinished(ended({ state: 'failed', results: [], timings: null, error }));
    assert.equal(await sample(m, 'lora_squeeze_jobs_total{kind="squeeze",state="failed",tenant="team"}'), 1);
    assert.equal(
      await sample(
        m,
        'lora_squeeze_job_failures_total{kind="squeeze",code="NON_FINITE_WEIGHTS",fault="caller"}',
      ),
      1,
    );
    assert.ok(!(await m.render()).includes('lora_squeeze_job_run_seconds_count'));
  });

  it('counts separately failures of the service and of the input', async () => {
    const m = metrics();
    const failed = (code: string) =>
      m.jobFinished(ended({ state: 'failed', error: { code, title: 't', detail: 'd', retryable: false } }));
    for (const code of ['STORAGE_FAILED', 'OUTBOUND_FAILED', 'BUDGET_TOO_SMALL', 'NOT_KNOWN_ANY_MORE'])
      failed(code);
    const text = await m.render();
    const faults = text.matchAll(/^lora_squeeze_job_failures_total\{.*code="(\w+)",fault="(\w+)"\} 1$/gm);
    assert.deepEqual(
      [...faults].map(([, code, fault]) => `${code} ${fault}`),
      [
        'STORAGE_FAILED service',
        'OUTBOUND_FAILED caller',
        'BUDGET_TOO_SMALL caller',
        'NOT_KNOWN_ANY_MORE service',
      ],
    );
  });

  it('distinguishes results near full energy, and small errors', async () => {
    const m = metrics();
    m.jobFinished(ended());
    const energy = (le: string) =>
      sample(m, `lora_squeeze_energy_retained_ratio_bucket{le="${le}",kind="squeeze"}`);
    assert.equal(await energy('0.999'), 0);
    assert.equal(await energy('0.9999'), 1);
    const error = (le: string) =>
      sample(m, `lora_squeeze_relative_error_ratio_bucket{le="${le}",kind="squeeze"}`);
    assert.equal(await error('0.01'), 0);
    assert.equal(await error('0.03'), 1);
  });

  it('shows one provider', async () => {
    const m = metrics();
    m.providerKnown(provider);
    m.providerKnown({ ...provider, threads: 8 });
    const rows = (await m.render()).split('\n').filter((row) => row.startsWith('lora_squeeze_provider_info'));
    assert.deepEqual(rows, [
      'lora_squeeze_provider_info{provider="cpu",requested="auto",onnxruntime="1.30.0",threads="8"} 1',
    ]);
  });

  it('counts HTTP by route pattern, uploads by outcome, and shows its build', async () => {
    const m = metrics();
    m.httpObserved({ method: 'GET', route: '/v1/jobs/:id', status: 404, seconds: 0.004 });
    m.uploadEnded('created', 500);
    m.uploadEnded('UPLOAD_TOO_LARGE', 20);
    const labels = '{method="GET",route="/v1/jobs/:id",status="404"}';
    assert.equal(await sample(m, `http_request_duration_seconds_count${labels}`), 1);
    assert.equal(await sample(m, 'lora_squeeze_upload_bytes_total'), 520);
    assert.equal(await sample(m, 'lora_squeeze_uploads_total{outcome="UPLOAD_TOO_LARGE"}'), 1);
    assert.equal(await sample(m, `lora_squeeze_build_info{version="1.2.3",node="${process.version}"}`), 1);
    assert.ok((await sample(m, 'process_resident_memory_bytes'))! > 1e6);
  });

  it('keeps registries separate', async () => {
    const [one, two] = [metrics(), metrics()];
    one.jobFinished(ended());
    assert.equal(
      await sample(two, 'lora_squeeze_jobs_total{kind="squeeze",state="succeeded",tenant="team"}'),
      undefined,
    );
  });

  it('passes promtool check metrics', async (t) => {
    if (spawnSync('promtool', ['--version']).error) return t.skip('promtool is not installed');
    const m = metrics();
    m.jobFinished(ended(), { modules: 2, bytesRead: 1000, bytesWritten: 300 });
    m.providerKnown(provider);
    m.queue.watch(async () => ({ tenants: [], slots: { busy: 1, idle: 0, draining: 0 } }));
    m.httpObserved({ method: 'GET', route: '/livez', status: 200, seconds: 0.001 });
    m.uploadEnded('created', 5);
    const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: await m.render() });
    // prom-client's own defaults break the rule "non-counter metrics should not have _total" three times.
    const known = /^nodejs_active_(handles|requests|resources)_total /;
    const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && !known.test(line));
    assert.deepEqual(complaints, []);
  });
});
