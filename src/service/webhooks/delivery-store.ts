import type { DeliveryRecord } from '../../contract/webhook.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { turnedId, turnedIdOf } from '../layout.ts';

export const DELIVERIES_PREFIX = 'deliveries/';
const PENDING_PREFIX = 'pending-deliveries/';
const prefixOf = (webhookId: string): string => `${DELIVERIES_PREFIX}${webhookId}/`;
const keyOf = (webhookId: string, deliveryId: string): string =>
  `${prefixOf(webhookId)}${turnedId(deliveryId)}.json`;
export const deliveryIdOfKey = (key: string): string => `msg_${turnedIdOf(key)}`;
const pendingKey = (webhookId: string, deliveryId: string): string =>
  `${PENDING_PREFIX}${webhookId}/${deliveryId}`;

/** A delivery with what is sent, which is written once and is the same at every attempt. */
export interface StoredDelivery {
  readonly record: DeliveryRecord;
  /** The body of its requests. */
  readonly payload: string;
  /** Attempts before the schedule began, for the first time or anew. */
  readonly attemptsBefore: number;
}

export interface PendingDelivery {
  readonly webhookId: string;
  readonly deliveryId: string;
}

/**
 * The deliveries of a tenant's webhooks. Those that are pending have a mark, so that whoever looks for lost ones need
 * not read the others. Between record and mark a crash may come: who opened the delivery opens it again then, for the
 * mark of its job is still there. All methods throw AppError STORAGE_*.
 */
export class DeliveryStore {
  private readonly blobs: BlobStore;

  constructor(blobs: BlobStore) {
    this.blobs = blobs;
  }

  /** Makes a pending delivery durable; one that is there already stays as it is. @returns what is there now */
  async open(delivery: StoredDelivery): Promise<StoredDelivery> {
    const { webhook_id, id } = delivery.record;
    const isNew = await this.blobs.create(keyOf(webhook_id, id), encode(delivery));
    const known = isNew ? delivery : ((await this.get(webhook_id, id)) ?? delivery);
    if (known.record.status === 'pending') await this.mark(known.record);
    return known;
  }

  /** @param webhookId, deliveryId well-formed */
  async get(webhookId: string, deliveryId: string): Promise<StoredDelivery | undefined> {
    const bytes = await this.blobs.get(keyOf(webhookId, deliveryId));
    return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as StoredDelivery);
  }

  /** Writes what became of a delivery; one that is pending again needs `reopen`. */
  async put(delivery: StoredDelivery): Promise<void> {
    const { webhook_id, id, status } = delivery.record;
    await this.blobs.put(keyOf(webhook_id, id), encode(delivery));
    if (status !== 'pending') await this.settle({ webhookId: webhook_id, deliveryId: id });
  }

  async reopen(delivery: StoredDelivery): Promise<void> {
    const { webhook_id, id } = delivery.record;
    await this.blobs.put(keyOf(webhook_id, id), encode(delivery));
    await this.mark(delivery.record);
  }

  /** Marks of deliveries that may be pending, oldest first for each webhook. */
  async pending(): Promise<PendingDelivery[]> {
    const keys = await this.blobs.list(PENDING_PREFIX);
    return keys.map((key) => {
      const [webhookId, deliveryId] = key.slice(PENDING_PREFIX.length).split('/') as [string, string];
      return { webhookId, deliveryId };
    });
  }

  /** Removes the mark of a delivery that is final, or gone. */
  async settle({ webhookId, deliveryId }: PendingDelivery): Promise<void> {
    await this.blobs.remove(pendingKey(webhookId, deliveryId));
  }

  /**
   * Ids of a webhook's deliveries, the newest first.
   * @param after an id: only older ones
   */
  async ids(webhookId: string, { after, limit }: { after?: string; limit?: number } = {}): Promise<string[]> {
    const keys = await this.blobs.list(prefixOf(webhookId), {
      ...(after !== undefined && { after: keyOf(webhookId, after) }),
      ...(limit !== undefined && { limit }),
    });
    return keys.map(deliveryIdOfKey);
  }

  private async mark({ webhook_id, id }: DeliveryRecord): Promise<void> {
    await this.blobs.put(pendingKey(webhook_id, id), new Uint8Array());
  }

  async remove(webhookId: string, deliveryId: string): Promise<void> {
    await this.blobs.remove(keyOf(webhookId, deliveryId));
    await this.settle({ webhookId, deliveryId });
  }
}

const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
