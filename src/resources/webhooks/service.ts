import {
  END_TYPES,
  type NewWebhook,
  type RotatedSecret,
  type SecretRotation,
  type WebhookChange,
  type WebhookRecord,
  type WebhookRequest,
} from '../../contract/webhook.ts';
import { isWebhookId, newWebhookId } from '../../database/ids.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import type { Outbound } from '../../net/outbound.ts';
import type { SecretBox } from '../../transfer/secret-box.ts';
import type { DeliveryQueue } from './delivery-queue.ts';
import type { WebhookStore } from './store.ts';
import { checkedSecret, newSecret, webhookBox } from './webhook-secrets.ts';

/** The limit of a tenant, because every event is compared with all of its webhooks. */
const MAX_WEBHOOKS = 50;

const DEFAULT_OVERLAP_SECONDS = 86_400;

/** The parts that webhooks need besides the database. */
export interface WebhookParts {
  readonly outbound: Pick<Outbound, 'checkUrl'>;
  /** undefined: secrets cannot be stored, so webhooks are not available. */
  readonly box: SecretBox | undefined;
  readonly queue: DeliveryQueue;
}

/** The errors of the methods; the routes derive the codes of their responses from them. */
export const WEBHOOK_ERRORS = {
  create: [
    'OUTBOUND_URL_INVALID',
    'OUTBOUND_FORBIDDEN',
    'VALIDATION_FAILED',
    'QUOTA_WEBHOOKS',
    'SECRETS_UNAVAILABLE',
    'STORAGE_FULL',
  ],
  get: ['WEBHOOK_NOT_FOUND'],
  change: ['WEBHOOK_NOT_FOUND', 'OUTBOUND_URL_INVALID', 'OUTBOUND_FORBIDDEN', 'STORAGE_FULL'],
  rotate: ['WEBHOOK_NOT_FOUND', 'VALIDATION_FAILED', 'SECRETS_UNAVAILABLE', 'STORAGE_FULL'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * A tenant's webhooks in the form of the API. All methods throw AppError DATABASE_UNAVAILABLE, and those that write
 * STORAGE_FULL.
 */
export class WebhookService {
  private readonly parts: WebhookParts;
  private readonly store: WebhookStore;

  constructor(store: WebhookStore, parts: WebhookParts) {
    this.parts = parts;
    this.store = store;
  }

  /**
   * Creates a webhook. Only this method and `rotate` return the secret.
   * @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, VALIDATION_FAILED, QUOTA_WEBHOOKS, SECRETS_UNAVAILABLE
   */
  async create(request: WebhookRequest): Promise<NewWebhook> {
    const { url, events = [...END_TYPES], labels = {}, description = '', enabled = true } = request;
    this.parts.outbound.checkUrl(url);
    const secret = request.secret === undefined ? newSecret() : checkedSecret(request.secret);
    const createdAtMs = Date.now();
    const row = {
      id: newWebhookId(createdAtMs),
      settings: { url, events, labels, description, enabled },
      encryptedSecret: webhookBox(this.parts.box).encrypt(secret),
      createdAtMs,
    };
    const record = await this.store.create(row, MAX_WEBHOOKS);
    if (record) return { ...record, secret };
    throw new AppError('QUOTA_WEBHOOKS', `There are already ${MAX_WEBHOOKS} webhooks; delete one first.`, {
      limit: MAX_WEBHOOKS,
    });
  }

  /** The oldest first. */
  list(): Promise<WebhookRecord[]> {
    return this.store.list();
  }

  /** @throws AppError WEBHOOK_NOT_FOUND */
  async get(id: string): Promise<WebhookRecord> {
    const record = isWebhookId(id) ? await this.store.get(id) : undefined;
    if (!record) throw noWebhook(id);
    return record;
  }

  /**
   * Changes a webhook. Everything that is sent from now on, retries included, follows the change. `enabled: true`
   * also re-enables a webhook whose receiver was gone.
   * @throws AppError WEBHOOK_NOT_FOUND, OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN
   */
  async change(id: string, change: WebhookChange): Promise<WebhookRecord> {
    await this.get(id);
    if (change.url !== undefined) this.parts.outbound.checkUrl(change.url);
    const record = await this.store.change(id, change);
    if (!record) throw noWebhook(id);
    return record;
  }

  /** Removes a webhook with its deliveries; pending ones are no longer sent. @throws AppError WEBHOOK_NOT_FOUND */
  async remove(id: string): Promise<void> {
    if (!isWebhookId(id) || !(await this.store.remove(id))) throw noWebhook(id);
  }

  /** @throws AppError WEBHOOK_NOT_FOUND, VALIDATION_FAILED, SECRETS_UNAVAILABLE */
  async rotate(id: string, rotation: SecretRotation): Promise<RotatedSecret> {
    await this.get(id);
    const secret = rotation.secret === undefined ? newSecret() : checkedSecret(rotation.secret);
    const overlapSeconds = rotation.overlap_seconds ?? DEFAULT_OVERLAP_SECONDS;
    const expiresAtMs = Date.now() + overlapSeconds * 1000;
    if (!(await this.store.rotate(id, webhookBox(this.parts.box).encrypt(secret), expiresAtMs)))
      throw noWebhook(id);
    return { secret, previous_secret_expires_at: new Date(expiresAtMs).toISOString() };
  }
}

export const noWebhook = (id: string): AppError =>
  new AppError('WEBHOOK_NOT_FOUND', `There is no webhook ${id}.`, { webhook_id: id });
