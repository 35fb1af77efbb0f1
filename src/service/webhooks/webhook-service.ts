import {
  EVENT_TYPES,
  type NewWebhook,
  type RotatedSecret,
  type SecretRotation,
  type WebhookChange,
  type WebhookRecord,
  type WebhookRequest,
} from '../../contract/webhook.ts';
import { AppError } from '../../errors.ts';
import type { Outbound } from '../../net/outbound.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { SecretBox } from '../../transfer/secret-box.ts';
import type { DeliveryQueue } from './delivery-queue.ts';
import { isWebhookId, newWebhookId } from './webhook-ids.ts';
import { checkedSecret, newSecret, WebhookSecrets } from './webhook-secrets.ts';
import { WebhookStore } from './webhook-store.ts';

/** Every event looks at all of them. */
const MAX_WEBHOOKS = 50;

const DEFAULT_OVERLAP_SECONDS = 86_400;

/** What webhooks need besides the storage. */
export interface WebhookParts {
  readonly outbound: Pick<Outbound, 'checkUrl'>;
  /** undefined: there is no place for secrets, so no webhooks. */
  readonly box: SecretBox | undefined;
  readonly queue: DeliveryQueue;
}

/** A tenant's webhooks as clients manage them. All methods throw AppError STORAGE_*. */
export class WebhookService {
  private readonly parts: WebhookParts;
  private readonly store: WebhookStore;
  private readonly secrets: WebhookSecrets;

  /** @param blobs what the tenant sees of the storage */
  constructor(blobs: BlobStore, parts: WebhookParts) {
    this.parts = parts;
    this.store = new WebhookStore(blobs);
    this.secrets = new WebhookSecrets(blobs, parts.box);
  }

  /**
   * The secret is returned here and by `rotate`, and nowhere else.
   * @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, VALIDATION_FAILED, QUOTA_WEBHOOKS, SECRETS_UNAVAILABLE
   */
  async create(request: WebhookRequest): Promise<NewWebhook> {
    const { url, events = [...EVENT_TYPES], labels = {}, description = '', enabled = true } = request;
    this.parts.outbound.checkUrl(url);
    const secret = request.secret === undefined ? newSecret() : checkedSecret(request.secret);
    if ((await this.store.list()).length >= MAX_WEBHOOKS) {
      throw new AppError('QUOTA_WEBHOOKS', `There are ${MAX_WEBHOOKS} webhooks already; remove one first.`, {
        limit: MAX_WEBHOOKS,
      });
    }
    const nowMs = Date.now();
    const id = newWebhookId(nowMs);
    const created_at = new Date(nowMs).toISOString();
    // The secret first: there must not be a webhook without one.
    await this.secrets.add(id, secret, 0, nowMs);
    const settings = { id, url, events, labels, description, enabled, created_at };
    await this.store.put(settings);
    return { ...settings, disabled_reason: null, secret };
  }

  /** The oldest first. */
  list(): Promise<WebhookRecord[]> {
    return this.store.list();
  }

  /** @throws AppError WEBHOOK_NOT_FOUND */
  async get(id: string): Promise<WebhookRecord> {
    const record = isWebhookId(id) ? await this.store.get(id) : undefined;
    if (!record) throw new AppError('WEBHOOK_NOT_FOUND', `There is no webhook ${id}.`, { webhook_id: id });
    return record;
  }

  /**
   * What is sent from now on, retries included, follows the change. `enabled: true` also brings back a webhook whose
   * receiver was gone.
   * @throws AppError WEBHOOK_NOT_FOUND, OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN
   */
  async change(id: string, change: WebhookChange): Promise<WebhookRecord> {
    await this.get(id);
    if (change.url !== undefined) this.parts.outbound.checkUrl(change.url);
    const settings = await this.store.settings(id);
    if (!settings) return this.get(id);
    await this.store.put({ ...settings, ...change });
    // Removed meanwhile, it has just come back; its secrets went first and have not.
    if (!(await this.secrets.isAny(id))) await this.store.remove(id);
    if (change.enabled === true) await this.store.unmarkGone(id);
    return this.get(id);
  }

  /** What is under way is not sent any more; deliveries go with it. @throws AppError WEBHOOK_NOT_FOUND */
  async remove(id: string): Promise<void> {
    await this.get(id);
    // In this order, so that `change` can tell.
    await this.secrets.remove(id);
    await this.store.remove(id);
  }

  /** @throws AppError WEBHOOK_NOT_FOUND, VALIDATION_FAILED, SECRETS_UNAVAILABLE */
  async rotate(id: string, rotation: SecretRotation): Promise<RotatedSecret> {
    await this.get(id);
    const secret = rotation.secret === undefined ? newSecret() : checkedSecret(rotation.secret);
    const overlapSeconds = rotation.overlap_seconds ?? DEFAULT_OVERLAP_SECONDS;
    const nowMs = Date.now();
    await this.secrets.add(id, secret, overlapSeconds, nowMs);
    return { secret, previous_secret_expires_at: new Date(nowMs + overlapSeconds * 1000).toISOString() };
  }
}
