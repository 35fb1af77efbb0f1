import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import type { JobRecord } from '../../src/contract/job.ts';
import { JobTimes } from '../../src/metrics/job-times.ts';
import { MetricFactory } from '../../src/metrics/metric-factory.ts';
import { TenantLabels } from '../../src/metrics/tenants.ts';

const MIB = 2 ** 20;

const job = (change: object = {}): JobRecord =>
  ({
    ...{ kind: 'squeeze', state: 'succeeded', error: null, imported: null, results: [], deliveries: [] },
    created_at: '2026-01-01T00:00:00Z',
    started_at: '2026-01-01T00:00:03Z',
    finished_at: '2026-01-01T00:00:05Z',
    timings: { queue_wait: 3, load: 0.1, gram: 0.2, core: 0.3, project: 0.4, write: 0.5, total: 1.9 },
    ...change,
  }) as unknown as JobRecord;

/** The sums, counts and counters that result from some events. */
async function valuesAfter(work: (times: JobTimes) => void): Promise<Record<string, number>> {
  const registry = new Registry();
  work(new JobTimes(new MetricFactory(registry), new TenantLabels(2)));
  const lines = [
    ...(await registry.metrics()).matchAll(/^lora_squeeze_(\S+(?:_sum|_count|_total)\S*) (\S+)$/gm),
  ];
  return Object.fromEntries(lines.map(([, name, value]) => [name, Number(value)]));
}

describe('JobTimes', () => {
  it('has a metric for each kind of time', async () => {
    const found = await valuesAfter((times) => {
      times.jobStarted(job(), 'team');
      times.jobEnded({ job: job(), tenant: 'team', workBytes: 5 });
    });
    assert.equal(found['job_wait_seconds_sum{tenant="team"}'], 3);
    assert.equal(found['job_run_seconds_sum{kind="squeeze"}'], 1.9);
    assert.equal(found['job_completion_seconds_sum{size="small",outcome="done"}'], 5);
    const phases = Object.entries(found).filter(([name]) => name.startsWith('job_phase_seconds_sum'));
    assert.deepEqual(
      phases.map(([name, seconds]) => [/phase="(\w+)"/.exec(name)?.[1], seconds]),
      [
        ...[
          ['load', 0.1],
          ['gram', 0.2],
          ['core', 0.3],
          ['project', 0.4],
          ['write', 0.5],
        ],
      ],
    );
  });

  it('sets objectives by the size of the source, or else of the checkpoint that is sent', async () => {
    const found = await valuesAfter((times) => {
      const end = (workBytes: number, change: object = {}) =>
        times.jobEnded({ job: job(change), tenant: 'team', workBytes });
      end(64 * MIB - 1);
      end(64 * MIB);
      end(1024 * MIB);
      end(0, { kind: 'export', deliveries: [{ state: 'succeeded', bytes: 100 * MIB }] });
      end(0, { kind: 'import', imported: { bytes: 2 ** 31 } });
    });
    const count = (size: string) => found[`job_completion_seconds_count{size="${size}",outcome="done"}`];
    assert.deepEqual(['small', 'medium', 'large'].map(count), [1, 2, 2]);
  });

  it('sets none for cancelled and reused work; jobs that fail because of their input count as done', async () => {
    const failed = (code: string) => ({ state: 'failed', error: { code } });
    const found = await valuesAfter((times) => {
      times.jobEnded({ job: job({ state: 'cancelled' }), tenant: 'team', workBytes: 5 });
      times.jobEnded({ job: job(), tenant: 'team', workBytes: undefined });
      times.jobEnded({ job: job(failed('NON_FINITE_WEIGHTS')), tenant: 'team', workBytes: 5 });
      times.jobEnded({ job: job(failed('WORKER_CRASHED')), tenant: 'team', workBytes: 5 });
    });
    assert.equal(found['job_completion_seconds_count{size="small",outcome="done"}'], 1);
    assert.equal(found['job_completion_seconds_count{size="small",outcome="fault"}'], 1);
  });

  it('counts bytes and seconds for each tenant that has its own series', async () => {
    const found = await valuesAfter((times) => {
      times.used('one', { bytes: 10, computeMs: 1_500 });
      times.used('two', { bytes: 20, computeMs: 0 });
      times.used('three', { bytes: 30, computeMs: 500 });
      times.used('one', { bytes: -5, computeMs: 500 });
    });
    assert.deepEqual(found, {
      'adapter_bytes_total{tenant="one"}': 10,
      'adapter_bytes_total{tenant="two"}': 20,
      'adapter_bytes_total{tenant="other"}': 30,
      'compute_seconds_total{tenant="one"}': 2,
      'compute_seconds_total{tenant="other"}': 0.5,
    });
  });
});
