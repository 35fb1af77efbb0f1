import type { BlobStore } from '../../storage/blob-store.ts';
import type { DeliveryQueue } from './delivery-queue.ts';
import { DeliveryStore } from './delivery-store.ts';

/** Looks after a tenant's deliveries: queues lost ones again. Old ones go with the sweep (retention/old-deliveries.ts). */
export class DeliveryKeeper {
  private readonly tenant: string;
  private readonly deliveries: DeliveryStore;
  private readonly queue: DeliveryQueue;

  /** @param blobs what the tenant sees of the storage */
  constructor(blobs: BlobStore, tenant: string, queue: DeliveryQueue) {
    this.tenant = tenant;
    this.deliveries = new DeliveryStore(blobs);
    this.queue = queue;
  }

  /**
   * Queues again what is pending and not in the queue: Redis was lost, or a process died between record and queue.
   * @returns ids of the deliveries queued again
   * @throws AppError QUEUE_UNAVAILABLE, STORAGE_*
   */
  async reconcile(): Promise<string[]> {
    const pending = await this.deliveries.pending();
    if (pending.length === 0) return [];
    const missing = new Set(await this.queue.missing(pending.map(({ deliveryId }) => deliveryId)));
    const requeued: string[] = [];
    for (const lost of pending.filter(({ deliveryId }) => missing.has(deliveryId))) {
      const delivery = await this.deliveries.get(lost.webhookId, lost.deliveryId);
      if (delivery?.record.status !== 'pending') {
        await this.deliveries.settle(lost);
        continue;
      }
      const { next_attempt_at } = delivery.record;
      const atMs = next_attempt_at === null ? undefined : Date.parse(next_attempt_at);
      await this.queue.add({ tenant: this.tenant, ...lost }, atMs);
      requeued.push(lost.deliveryId);
    }
    return requeued;
  }
}
