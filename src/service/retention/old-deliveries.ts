import { timedIdMs } from '../layout.ts';
import { DELIVERIES_PREFIX, DeliveryStore, deliveryIdOfKey } from '../webhooks/delivery-store.ts';
import { WebhookStore } from '../webhooks/webhook-store.ts';
import { keysOf } from './sweep.ts';
import type { ExpiringPart } from './sweeper.ts';

/** Long enough to look into what a receiver missed; the schedule of attempts ends after three days. */
const KEPT_MS = 30 * 86_400_000;

/**
 * Deliveries of webhooks that are final and whose event was a month ago, and all those of webhooks that were removed.
 * Their keys say all that has to be known.
 */
export const oldDeliveries: ExpiringPart = {
  kind: 'delivery',
  sweep: async ({ store }, nowMs) => {
    const deliveries = new DeliveryStore(store);
    const old: { webhookId: string; deliveryId: string }[] = [];
    const keys: string[] = [];
    for await (const key of keysOf(store, DELIVERIES_PREFIX)) keys.push(key);
    // After the keys: no delivery is older than its webhook.
    const webhooks = new Set((await new WebhookStore(store).list()).map(({ id }) => id));
    const orphaned = (webhookId: string): boolean => !webhooks.has(webhookId);
    for (const key of keys) {
      const webhookId = key.slice(DELIVERIES_PREFIX.length, key.lastIndexOf('/'));
      const deliveryId = deliveryIdOfKey(key);
      if (orphaned(webhookId) || timedIdMs(deliveryId) < nowMs - KEPT_MS) old.push({ webhookId, deliveryId });
    }
    // Marks after deliveries: one that is opened anew in this moment is marked.
    const pending = new Set((await deliveries.pending()).map(({ deliveryId }) => deliveryId));
    const final = old.filter(({ webhookId, deliveryId }) => orphaned(webhookId) || !pending.has(deliveryId));
    for (const { webhookId, deliveryId } of final) await deliveries.remove(webhookId, deliveryId);
    return final.length;
  },
};
