import type { DeliveryRecord, DeliveryState } from '../../contract/webhook.ts';
import { isDeliveryId, newDeliveryId } from '../../database/ids.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { ignoreQueueFailure } from '../../dispatch/job-queue.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { eventBody } from '../events/event-body.ts';
import type { DeliveryQueue } from './delivery-queue.ts';
import type { DeliveryStore } from './delivery-store.ts';
import { noWebhook, type WebhookService } from './service.ts';

/** The errors of the methods; the routes derive the codes of their responses from them. */
export const DELIVERY_ERRORS = {
  page: ['WEBHOOK_NOT_FOUND'],
  test: ['WEBHOOK_NOT_FOUND', 'STORAGE_FULL'],
  redeliver: ['WEBHOOK_NOT_FOUND', 'DELIVERY_NOT_FOUND', 'WEBHOOK_DISABLED', 'STORAGE_FULL'],
  removeWebhook: ['WEBHOOK_NOT_FOUND', 'STORAGE_FULL'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * The deliveries of a tenant's webhooks in the form of the API. All methods throw AppError WEBHOOK_NOT_FOUND,
 * DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class DeliveryService {
  private readonly tenant: string;
  private readonly webhooks: Pick<WebhookService, 'get' | 'remove'>;
  private readonly store: DeliveryStore;
  private readonly queue: DeliveryQueue;

  constructor(
    store: DeliveryStore,
    tenant: string,
    webhooks: Pick<WebhookService, 'get' | 'remove'>,
    queue: DeliveryQueue,
  ) {
    this.tenant = tenant;
    this.webhooks = webhooks;
    this.store = store;
    this.queue = queue;
  }

  /**
   * The newest first.
   * @param states deliveries in any of these states; undefined: all states
   */
  async page(
    webhookId: string,
    states: readonly DeliveryState[] | undefined,
    request: PageRequest,
  ): Promise<Page<DeliveryRecord>> {
    await this.webhooks.get(webhookId);
    return this.store.page(webhookId, states, request);
  }

  /** Sends a test event, even to a disabled webhook. */
  async test(webhookId: string): Promise<DeliveryRecord> {
    await this.webhooks.get(webhookId);
    const nowMs = Date.now();
    const timestamp = new Date(nowMs).toISOString();
    const payload = eventBody({ type: 'webhook.test', timestamp, data: { webhook_id: webhookId } });
    const record = await this.store.open(webhookId, newDeliveryId(nowMs), payload, nowMs);
    if (!record) throw noWebhook(webhookId);
    await this.promote(record);
    return record;
  }

  /**
   * Sends a delivery again under its old id: with a new schedule or, if it is pending, at once.
   * @throws AppError DELIVERY_NOT_FOUND, WEBHOOK_DISABLED
   */
  async redeliver(webhookId: string, deliveryId: string): Promise<DeliveryRecord> {
    const webhook = await this.webhooks.get(webhookId);
    const known = isDeliveryId(deliveryId) ? await this.store.get(webhookId, deliveryId) : undefined;
    if (known && !webhook.enabled && known.type !== 'webhook.test') {
      const message = `Webhook ${webhookId} is disabled; enable it first.`;
      throw new AppError('WEBHOOK_DISABLED', message, { webhook_id: webhookId });
    }
    const again = known && (await this.store.reopen(webhookId, deliveryId, Date.now()));
    if (!again) {
      const message = `Webhook ${webhookId} has no delivery ${deliveryId}; deliveries are kept for 30 days.`;
      throw new AppError('DELIVERY_NOT_FOUND', message, { webhook_id: webhookId, delivery_id: deliveryId });
    }
    await this.promote(again);
    return again;
  }

  /**
   * Removes a webhook with all its deliveries. Most deliveries are removed first, because removing them may take
   * longer than one transaction should.
   */
  async removeWebhook(webhookId: string): Promise<void> {
    await this.webhooks.get(webhookId);
    await this.store.removeAll(webhookId);
    await this.webhooks.remove(webhookId);
  }

  /** Queues the delivery for an immediate attempt. Without Redis it is queued later, because it is pending and due. */
  private async promote({ id: deliveryId, webhook_id: webhookId }: DeliveryRecord): Promise<void> {
    await ignoreQueueFailure(this.queue.promote({ tenant: this.tenant, webhookId, deliveryId }));
  }
}
