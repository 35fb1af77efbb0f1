import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeliveryStore } from '../../../src/service/webhooks/delivery-store.ts';
import { deliveryIdOf, newWebhookId } from '../../../src/service/webhooks/webhook-ids.ts';
import { WebhookStore } from '../../../src/service/webhooks/webhook-store.ts';
import { onDisk } from './storage-bench.ts';

const DAY_MS = 86_400_000;

describe('old deliveries of webhooks', () => {
  it('go when they are final and a month old, or their webhook is gone', async () => {
    await onDisk(async (bench) => {
      const { store } = bench.own;
      const nowMs = Date.now();
      const [here, gone] = [newWebhookId(nowMs - 90 * DAY_MS), newWebhookId(nowMs - 90 * DAY_MS)];
      const settings = { id: here, url: 'https://example.org/', events: [], labels: {}, enabled: true };
      await new WebhookStore(store).put({ ...settings, created_at: '' } as never);
      const deliveries = new DeliveryStore(store);
      const open = async (webhookId: string, subject: string, daysAgo: number, isFinal = true) => {
        const id = deliveryIdOf(webhookId, 'job.succeeded', subject, nowMs - daysAgo * DAY_MS);
        const record = { webhook_id: webhookId, id, status: 'pending' };
        await deliveries.open({ record, payload: '{}', attemptsBefore: 0 } as never);
        if (isFinal) await deliveries.settle({ webhookId, deliveryId: id });
        return id;
      };
      await open(here, 'old', 31);
      const pending = await open(here, 'pending', 31, false);
      const young = await open(here, 'young', 29);
      await open(gone, 'young', 1);
      await open(gone, 'pending', 1, false);
      const { swept } = await bench.sweeper().sweep(nowMs);
      assert.equal(swept.of('delivery').objects, 3);
      assert.deepEqual(await deliveries.ids(here), [young, pending]);
      assert.deepEqual(await deliveries.ids(gone), []);
      assert.deepEqual(await deliveries.pending(), [{ webhookId: here, deliveryId: pending }]);
    });
  });
});
