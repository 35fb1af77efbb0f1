import type { DeliveryAttempt, WebhookRecord } from '../../contract/webhook.ts';
import { AppError } from '../../errors.ts';
import type { Outbound } from '../../net/outbound.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { SecretBox } from '../../transfer/secret-box.ts';
import { pauseAfter, SCHEDULE_MS } from './delivery-schedule.ts';
import { DeliveryStore, type StoredDelivery } from './delivery-store.ts';
import { type Sent, sendRequest } from './send-request.ts';
import { signedHeaders } from './signature.ts';
import { WebhookSecrets } from './webhook-secrets.ts';
import { WebhookStore } from './webhook-store.ts';

const TIMEOUT_MS = 15_000;
/** Receivers could not tell who sends. A removal that broke off leaves such a webhook. */
const NO_SECRET = 'The webhook has no secret to sign with. Remove it, or rotate its secret and enable it.';
/** A delivery can be sent again and again by hand. */
const KEPT_ATTEMPTS = 50;

export interface DelivererOptions {
  readonly outbound: Pick<Outbound, 'request'>;
  readonly box: SecretBox | undefined;
  /** Pauses before the attempts, in milliseconds; others in tests. */
  readonly schedule?: readonly number[];
  /** Longest time of one request; shorter in tests. */
  readonly timeoutMs?: number;
}

/**
 * What an attempt came to. delivered: taken. retried: it is tried again. failed: given up. gone: the receiver wants no
 * more, and the webhook is disabled. dropped: nothing was sent, for the webhook is disabled or removed or has no secret,
 * or the delivery was final already.
 */
export type AttemptOutcome = 'delivered' | 'retried' | 'failed' | 'gone' | 'dropped';

export interface AttemptResult {
  readonly outcome: AttemptOutcome;
  /** Time of the next attempt; undefined: there is none. */
  readonly nextAtMs?: number;
  /** How long the request took; undefined: none was made. */
  readonly ms?: number;
  /** Why it did not count. */
  readonly error?: string;
}

/**
 * Makes attempts at one tenant's deliveries. An attempt that a crash ends between the request and its record is made
 * again, under the same webhook-id.
 */
export class Deliverer {
  private readonly webhooks: WebhookStore;
  private readonly deliveries: DeliveryStore;
  private readonly secrets: WebhookSecrets;
  private readonly options: DelivererOptions;

  /** @param blobs what the tenant sees of the storage */
  constructor(blobs: BlobStore, options: DelivererOptions) {
    this.webhooks = new WebhookStore(blobs);
    this.deliveries = new DeliveryStore(blobs);
    this.secrets = new WebhookSecrets(blobs, options.box);
    this.options = options;
  }

  /**
   * @param signal ends the request; then nothing is recorded
   * @throws AppError STORAGE_*; the signal's reason
   */
  async attempt(webhookId: string, deliveryId: string, signal: AbortSignal): Promise<AttemptResult> {
    const delivery = await this.deliveries.get(webhookId, deliveryId);
    const webhook = await this.webhooks.get(webhookId);
    if (!delivery || !webhook) {
      await this.deliveries.remove(webhookId, deliveryId);
      return { outcome: 'dropped' };
    }
    const { status, type } = delivery.record;
    if (status !== 'pending') {
      await this.deliveries.settle({ webhookId, deliveryId });
      return { outcome: 'dropped' };
    }
    // A test is asked for by somebody who may want to know whether the receiver is back.
    if (!webhook.enabled && type !== 'webhook.test') {
      await this.record(delivery, unsent('The webhook is disabled.'), undefined);
      return { outcome: 'dropped' };
    }
    const startedMs = Date.now();
    const sent = await this.send(webhook, delivery, signal);
    if (sent === undefined) {
      await this.webhooks.markGone(webhookId, NO_SECRET);
      await this.record(delivery, unsent(NO_SECRET), undefined);
      return { outcome: 'dropped' };
    }
    if (sent.isGone) await this.webhooks.markGone(webhookId);
    const attempts = delivery.record.attempts.length - delivery.attemptsBefore + 1;
    const pauseMs =
      sent.error === null || sent.isGone
        ? undefined
        : pauseAfter(attempts, sent.retryAfterMs, this.options.schedule ?? SCHEDULE_MS);
    const nextAtMs = pauseMs === undefined ? undefined : Date.now() + pauseMs;
    await this.record(delivery, sent, nextAtMs, startedMs);
    const { ms, error } = sent;
    if (error === null) return { outcome: 'delivered', ms };
    const outcome = sent.isGone ? 'gone' : nextAtMs === undefined ? 'failed' : 'retried';
    return { outcome, ms, error, ...(nextAtMs !== undefined && { nextAtMs }) };
  }

  /** @returns undefined where there is no secret to sign with */
  private async send(
    webhook: WebhookRecord,
    delivery: StoredDelivery,
    signal: AbortSignal,
  ): Promise<Sent | undefined> {
    const { payload, record } = delivery;
    try {
      const secrets = await this.secrets.signing(webhook.id, Date.now());
      if (secrets.length === 0) return undefined;
      return await sendRequest(this.options.outbound, webhook.url, {
        headers: signedHeaders(record.id, payload, secrets, Date.now()),
        body: payload,
        timeoutMs: this.options.timeoutMs ?? TIMEOUT_MS,
        signal,
      });
    } catch (error) {
      // The key may be another one here and now, and the right one later or elsewhere.
      if (error instanceof AppError && error.code.startsWith('SECRETS_')) return unsent(error.message);
      throw error;
    }
  }

  private async record(
    { record, payload, attemptsBefore }: StoredDelivery,
    { status, ms, error, response }: Sent,
    nextAtMs: number | undefined,
    startedMs = Date.now(),
  ): Promise<void> {
    const number = (record.attempts.at(-1)?.number ?? 0) + 1;
    const attempt: DeliveryAttempt = {
      number,
      at: new Date(startedMs).toISOString(),
      status,
      ms,
      error,
      response,
    };
    const attempts = [...record.attempts, attempt];
    const cut = Math.max(0, attempts.length - KEPT_ATTEMPTS);
    await this.deliveries.put({
      record: {
        ...record,
        status: error === null ? 'delivered' : nextAtMs === undefined ? 'failed' : 'pending',
        next_attempt_at: nextAtMs === undefined ? null : new Date(nextAtMs).toISOString(),
        attempts: attempts.slice(cut),
      },
      payload,
      attemptsBefore: Math.max(0, attemptsBefore - cut),
    });
  }
}

const unsent = (error: string): Sent => ({
  status: null,
  ms: 0,
  error,
  response: null,
  isGone: false,
  retryAfterMs: undefined,
});
