import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { DiskStore } from '../../../src/storage/disk-store.ts';
import { onEachDialect } from '../../database/dialects.ts';
import { StorageBench } from '../sweeps/storage-bench.ts';
import { addDelivery, deliveryIds, newWebhook } from './webhook-rows.ts';

const DAY_MS = 86_400_000;
const FINAL = { state: 'failed', next_attempt_at: null };

onEachDialect('old deliveries of webhooks', (database, folder) => {
  it('are removed when they are final and a month old, however many there are', async () => {
    const store = await DiskStore.open(join(folder(), 'storage'));
    try {
      const webhook = await newWebhook(database());
      const nowMs = Date.now();
      const daysAgo = (days: number) => ({ created_at: nowMs - days * DAY_MS });
      for (let i = 0; i < 501; i++) await addDelivery(database(), webhook, { ...FINAL, ...daysAgo(31) });
      const pending = await addDelivery(database(), webhook, daysAgo(31));
      const young = await addDelivery(database(), webhook, { ...FINAL, ...daysAgo(29) });
      const { swept } = await new StorageBench(store, database()).sweeper().sweep(nowMs);
      assert.equal(swept.of('delivery').objects, 501);
      assert.deepEqual((await deliveryIds(database(), webhook)).sort(), [pending, young].sort());
    } finally {
      await store.close();
    }
  });
});
