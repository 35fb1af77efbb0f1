import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import type { JobRecord } from '../../src/contract/job.ts';
import { TransferMetrics } from '../../src/metrics/job-metrics.ts';
import { MetricFactory } from '../../src/metrics/metric-factory.ts';

const moved = (kind: 'url' | 's3' | 'hub', bytes: number) => ({
  ...{ state: 'succeeded' as const, target: 0, error: null },
  adapter_id: 'ad_1',
  kind,
  place: 'somewhere',
  revision: null,
  commit: null,
  bytes,
  files: [],
  finished_at: '2026-01-01T00:00:00Z',
});

describe('TransferMetrics', () => {
  it('counts fetched and delivered bytes, by the kind of place', async () => {
    const registry = new Registry();
    const metrics = new TransferMetrics(new MetricFactory(registry));
    const job = (change: Partial<JobRecord>) =>
      ({ imported: null, deliveries: [], ...change }) as unknown as JobRecord;
    metrics.jobFinished(job({}));
    metrics.jobFinished(
      job({ imported: moved('hub', 100), deliveries: [moved('s3', 30), moved('url', 40)] }),
    );
    const failed = { ...moved('url', 0), state: 'failed' as const, bytes: null };
    metrics.jobFinished(job({ deliveries: [moved('s3', 5), failed] }));
    const text = await registry.metrics();
    for (const line of [
      'lora_squeeze_transfers_total{direction="in",kind="hub"} 1',
      'lora_squeeze_transfers_total{direction="out",kind="s3"} 2',
      'lora_squeeze_transferred_bytes_total{direction="in",kind="hub"} 100',
      'lora_squeeze_transferred_bytes_total{direction="out",kind="s3"} 35',
      'lora_squeeze_transferred_bytes_total{direction="out",kind="url"} 40',
    ])
      assert.ok(text.split('\n').includes(line), line);
    assert.doesNotMatch(text, /kind="(hub|url)"\} 0|somewhere/);
  });
});
