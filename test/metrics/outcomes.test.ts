import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import type { JobRecord, JobResult } from '../../src/contract/job.ts';
import { OutcomeMetrics } from '../../src/metrics/job-metrics.ts';
import { MetricFactory } from '../../src/metrics/metric-factory.ts';
import { FAILED_RESULT } from '../resources/jobs/fake-worker.ts';

const result = (rank: number, bytes: number): JobResult => ({
  target: { rank },
  state: 'succeeded',
  adapter_id: 'ad_2',
  format: 'peft',
  rank: { min: 1, max: rank },
  bytes,
  parameters: bytes / 2,
  relative_error: 0.1,
  energy_retained: 0.99,
  worst_module: null,
  serving: null,
  training: null,
  warnings: [],
});

const ended = (attempts: number, results: JobResult[]): JobRecord => ({
  id: 'job_1',
  kind: 'squeeze',
  state: results.length > 0 ? 'succeeded' : 'failed',
  progress: { phase: 'done', done: 2, total: 2, module: null },
  created_at: '2026-01-01T00:00:00Z',
  started_at: '2026-01-01T00:00:01Z',
  finished_at: '2026-01-01T00:00:02Z',
  attempts,
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
  results,
  timings: null,
  provider: null,
  error: null,
});

describe('OutcomeMetrics', () => {
  it('counts the source for every result, so that the difference is the saving', async () => {
    const registry = new Registry();
    const outcomes = new OutcomeMetrics(new MetricFactory(registry));
    outcomes.jobFinished(ended(1, [result(4, 500), result(2, 250)]), 1000);
    const text = await registry.metrics();
    assert.match(text, /^lora_squeeze_result_source_bytes_total\{kind="squeeze"\} 2000$/m);
    assert.match(text, /^lora_squeeze_result_bytes_total\{kind="squeeze"\} 750$/m);
  });

  it('omits sizes if the job was not computed here, and keeps the ranks', async () => {
    const registry = new Registry();
    new OutcomeMetrics(new MetricFactory(registry)).jobFinished(ended(1, [result(4, 500)]), undefined);
    const text = await registry.metrics();
    assert.doesNotMatch(text, /^lora_squeeze_result(_source)?_bytes_total\{/m);
    assert.match(text, /^lora_squeeze_result_rank_bucket\{le="2",kind="squeeze"\} 0$/m);
    assert.match(text, /^lora_squeeze_result_rank_bucket\{le="4",kind="squeeze"\} 1$/m);
  });

  it('counts failed targets by code, also of partial jobs', async () => {
    const registry = new Registry();
    const outcomes = new OutcomeMetrics(new MetricFactory(registry));
    const whole = { ...ended(1, [FAILED_RESULT, FAILED_RESULT]), state: 'failed' as const };
    outcomes.jobFinished(whole, 1000);
    outcomes.jobFinished({ ...ended(1, [result(4, 500), FAILED_RESULT]), state: 'partial' }, 1000);
    const text = await registry.metrics();
    const failures = (state: string) =>
      `lora_squeeze_target_failures_total{kind="squeeze",state="${state}",code="BUDGET_TOO_SMALL",fault="caller"}`;
    assert.ok(text.includes(`${failures('failed')} 2\n`), text);
    assert.ok(text.includes(`${failures('partial')} 1\n`), text);
    assert.match(text, /^lora_squeeze_targets_total\{kind="squeeze",state="failed"\} 3$/m);
  });

  it('counts the attempts of failed jobs as well', async () => {
    const registry = new Registry();
    const outcomes = new OutcomeMetrics(new MetricFactory(registry));
    outcomes.jobFinished(ended(1, [result(4, 500)]), 1000);
    outcomes.jobFinished(ended(3, []), undefined);
    assert.match(await registry.metrics(), /^lora_squeeze_job_attempts_total\{kind="squeeze"\} 4$/m);
  });
});
