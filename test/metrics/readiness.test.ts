import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { MetricFactory } from '../../src/metrics/metric-factory.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { ReadinessMetrics } from '../../src/metrics/readiness.ts';

async function shown(registry: Registry): Promise<string[]> {
  const text = await registry.metrics();
  return text.split('\n').filter((line) => /^lora_squeeze_(ready|degraded)\{/.test(line));
}

describe('ReadinessMetrics', () => {
  it('shows for every part whether it can be used and what is wrong, updated at each scrape', async () => {
    const registry = new Registry();
    let isFull = false;
    new ReadinessMetrics(new MetricFactory(registry)).watch(async () => ({
      parts: [
        { part: 'storage', isUsable: !isFull },
        { part: 'queue', isUsable: true },
      ],
      reasons: [
        ...(isFull ? [{ part: 'storage', code: 'STORAGE_FULL' }] : []),
        { part: 'queue', code: 'QUEUE_EVICTS' },
      ],
    }));
    const atRisk = 'lora_squeeze_degraded{part="queue",code="QUEUE_EVICTS"} 1';
    assert.deepEqual(await shown(registry), [
      'lora_squeeze_ready{part="storage"} 1',
      'lora_squeeze_ready{part="queue"} 1',
      atRisk,
    ]);
    isFull = true;
    assert.deepEqual(await shown(registry), [
      'lora_squeeze_ready{part="storage"} 0',
      'lora_squeeze_ready{part="queue"} 1',
      'lora_squeeze_degraded{part="storage",code="STORAGE_FULL"} 1',
      atRisk,
    ]);
    isFull = false;
    assert.equal((await shown(registry)).length, 3, 'a reason that is gone is not shown');
  });

  it('shows nothing before it knows the parts', async () => {
    const registry = new Registry();
    new ReadinessMetrics(new MetricFactory(registry));
    assert.deepEqual(await shown(registry), []);
  });

  it('is among the metrics of the service', async () => {
    const metrics = new Metrics({ version: '1.2.3' });
    metrics.watchReadiness(async () => ({ parts: [{ part: 'storage', isUsable: true }], reasons: [] }));
    assert.match(await metrics.render(), /^lora_squeeze_ready\{part="storage"\} 1$/m);
  });
});
