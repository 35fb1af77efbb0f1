import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Metrics } from '../../src/metrics/metrics.ts';

it('attempts at deliveries are counted by outcome, and timed if a request was sent', async () => {
  const metrics = new Metrics({ version: '1.2.3' });
  metrics.deliveryAttempted({ outcome: 'delivered', ms: 40 });
  metrics.deliveryAttempted({ outcome: 'delivered', ms: 60 });
  metrics.deliveryAttempted({ outcome: 'retried', ms: 15_000 });
  metrics.deliveryAttempted({ outcome: 'dropped' });
  const lines = (await metrics.render()).split('\n');
  for (const line of [
    'lora_squeeze_webhook_attempts_total{outcome="delivered"} 2',
    'lora_squeeze_webhook_attempts_total{outcome="retried"} 1',
    'lora_squeeze_webhook_attempts_total{outcome="dropped"} 1',
    'lora_squeeze_webhook_request_duration_seconds_count{outcome="delivered"} 2',
    'lora_squeeze_webhook_request_duration_seconds_sum{outcome="delivered"} 0.1',
    'lora_squeeze_webhook_request_duration_seconds_bucket{le="10",outcome="retried"} 0',
    'lora_squeeze_webhook_request_duration_seconds_bucket{le="15",outcome="retried"} 1',
  ])
    assert.ok(lines.includes(line), line);
  assert.ok(!lines.some((line) => /duration_seconds_count\{outcome="dropped"\}/.test(line)));
});
