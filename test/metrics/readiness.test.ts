import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { Metrics } from '../../src/metrics/metrics.ts';
import { ReadinessMetrics } from '../../src/metrics/readiness.ts';

async function shown(registry: Registry): Promise<string[]> {
  const text = await registry.metrics();
  return text.split('\n').filter((line) => line.startsWith('lora_squeeze_ready{'));
}

describe('ReadinessMetrics', () => {
  it('says of every part whether it can be used, anew at each scrape', async () => {
    const registry = new Registry();
    let isFull = false;
    new ReadinessMetrics(registry).watch({
      storage: async () => {
        if (isFull) throw new Error('no space left');
      },
      queue: async () => {},
    });
    assert.deepEqual(await shown(registry), [
      'lora_squeeze_ready{part="storage"} 1',
      'lora_squeeze_ready{part="queue"} 1',
    ]);
    isFull = true;
    assert.deepEqual(await shown(registry), [
      'lora_squeeze_ready{part="storage"} 0',
      'lora_squeeze_ready{part="queue"} 1',
    ]);
  });

  it('counts a part that does not answer, or whose check breaks, as not ready', async () => {
    const registry = new Registry();
    new ReadinessMetrics(registry).watch({
      storage: () => new Promise(() => {}),
      queue: () => {
        throw new Error('not even a promise');
      },
    });
    assert.deepEqual(await shown(registry), [
      'lora_squeeze_ready{part="storage"} 0',
      'lora_squeeze_ready{part="queue"} 0',
    ]);
  });

  it('shows nothing before it is told what to look at', async () => {
    const registry = new Registry();
    new ReadinessMetrics(registry);
    assert.deepEqual(await shown(registry), []);
  });

  it('is part of what the service shows', async () => {
    const metrics = new Metrics({ version: '1.2.3' });
    metrics.watchReadiness({ storage: async () => {} });
    assert.match(await metrics.render(), /^lora_squeeze_ready\{part="storage"\} 1$/m);
  });
});
