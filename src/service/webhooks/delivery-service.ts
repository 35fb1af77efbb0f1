import type { DeliveryRecord } from '../../contract/webhook.ts';
import { AppError } from '../../errors.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { Page } from '../listing/page.ts';
import { withoutQueue } from '../without-queue.ts';
import type { DeliveryQueue } from './delivery-queue.ts';
import { DeliveryStore, type StoredDelivery } from './delivery-store.ts';
import { eventBody } from './event-body.ts';
import { newDelivery } from './outbox.ts';
import { isDeliveryId, newDeliveryId } from './webhook-ids.ts';
import type { WebhookService } from './webhook-service.ts';

/** What a cursor of a list of deliveries names. */
export const DELIVERY_PLACE = /^msg_[0-9a-f]{32}$/;

/** The deliveries of a tenant's webhooks as clients see them. All methods throw AppError WEBHOOK_NOT_FOUND, STORAGE_*. */
export class DeliveryService {
  private readonly tenant: string;
  private readonly webhooks: Pick<WebhookService, 'get' | 'remove'>;
  private readonly store: DeliveryStore;
  private readonly queue: DeliveryQueue;

  /** @param blobs what the tenant sees of the storage */
  constructor(
    blobs: BlobStore,
    tenant: string,
    webhooks: Pick<WebhookService, 'get' | 'remove'>,
    queue: DeliveryQueue,
  ) {
    this.tenant = tenant;
    this.webhooks = webhooks;
    this.store = new DeliveryStore(blobs);
    this.queue = queue;
  }

  /**
   * The newest first.
   * @param after id of the last one of the page before
   */
  async page(webhookId: string, limit: number, after: string | undefined): Promise<Page<DeliveryRecord>> {
    await this.webhooks.get(webhookId);
    const ids = await this.store.ids(webhookId, { limit: limit + 1, ...(after !== undefined && { after }) });
    const shown = ids.slice(0, limit);
    const found = await Promise.all(shown.map((id) => this.store.get(webhookId, id)));
    return {
      items: found.flatMap((delivery) => delivery?.record ?? []),
      next: ids.length > limit ? shown.at(-1)! : null,
    };
  }

  /** Sends an event that says nothing, also to a disabled webhook. */
  async test(webhookId: string): Promise<DeliveryRecord> {
    await this.webhooks.get(webhookId);
    const nowMs = Date.now();
    const record = newDelivery({
      id: newDeliveryId(nowMs),
      webhook_id: webhookId,
      type: 'webhook.test',
      subject: null,
    });
    const payload = eventBody('webhook.test', new Date(nowMs).toISOString(), { webhook_id: webhookId });
    await this.store.open({ record, payload, attemptsBefore: 0 });
    await this.hasten(record);
    return record;
  }

  /**
   * Sends a delivery again, under its old id: from the beginning of the schedule, or, where it is pending, at once.
   * @throws AppError DELIVERY_NOT_FOUND, WEBHOOK_DISABLED
   */
  async redeliver(webhookId: string, deliveryId: string): Promise<DeliveryRecord> {
    const webhook = await this.webhooks.get(webhookId);
    const delivery = isDeliveryId(deliveryId) ? await this.store.get(webhookId, deliveryId) : undefined;
    if (!delivery) {
      const message = `Webhook ${webhookId} has no delivery ${deliveryId}; they are kept for 30 days.`;
      throw new AppError('DELIVERY_NOT_FOUND', message, { webhook_id: webhookId, delivery_id: deliveryId });
    }
    const { record } = delivery;
    if (!webhook.enabled && record.type !== 'webhook.test') {
      const message = `Webhook ${webhookId} is disabled; enable it first.`;
      throw new AppError('WEBHOOK_DISABLED', message, { webhook_id: webhookId });
    }
    const again = record.status === 'pending' ? record : await this.reopen(delivery);
    await this.hasten(again);
    return again;
  }

  /** Removes a webhook with all its deliveries. */
  async removeWebhook(webhookId: string): Promise<void> {
    await this.webhooks.remove(webhookId);
    for (const id of await this.store.ids(webhookId)) await this.store.remove(webhookId, id);
  }

  private async reopen({ record, payload }: StoredDelivery): Promise<DeliveryRecord> {
    const again: DeliveryRecord = {
      ...record,
      status: 'pending',
      next_attempt_at: new Date().toISOString(),
    };
    await this.store.reopen({ record: again, payload, attemptsBefore: record.attempts.length });
    return again;
  }

  /** Without Redis it is sent when the queue is back: its mark is there. */
  private async hasten({ id: deliveryId, webhook_id: webhookId }: DeliveryRecord): Promise<void> {
    await withoutQueue(this.queue.hasten({ tenant: this.tenant, webhookId, deliveryId }));
  }
}
