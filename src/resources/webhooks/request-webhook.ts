import type { EventType, RequestWebhook } from '../../contract/webhook.ts';
import type { Database, Writer } from '../../database/database.ts';
import { newWebhookId } from '../../database/ids.ts';
import type { Outbound } from '../../net/outbound.ts';
import type { SecretBox } from '../../transfer/secret-box.ts';
import type { WebhookSettings } from './store.ts';
import { checkedSecret, newSecret, webhookBox } from './webhook-secrets.ts';

/** The same time as for deliveries, after which nothing about the webhook is left to be seen. */
const KEPT_MS = 30 * 86_400_000;
/** Rows that are removed in one transaction, which must not delay other work for long. */
const REMOVED_AT_ONCE = 500;

/** The webhook of a request, before it is recorded with the request. */
export interface NewRequestWebhook {
  readonly id: string;
  readonly settings: WebhookSettings;
  readonly encryptedUrl: string;
  readonly encryptedSecret: string;
  readonly createdAtMs: number;
}

export interface RequestWebhooksParts {
  readonly outbound: Pick<Outbound, 'checkUrl'>;
  /** undefined: secrets cannot be stored, so requests cannot have webhooks. */
  readonly box: SecretBox | undefined;
}

/** Records the webhooks of requests. */
export class RequestWebhooks {
  private readonly parts: RequestWebhooksParts;

  constructor(parts: RequestWebhooksParts) {
    this.parts = parts;
  }

  /**
   * Prepares the webhook of a request. Its secrets are encrypted, and only the host of its URL stays visible. If the
   * request contains no secret, a new one signs, which is not shown until it is rotated.
   * @param defaults the events if the webhook names none
   * @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, VALIDATION_FAILED, SECRETS_UNAVAILABLE
   */
  prepare({ url, events, secret }: RequestWebhook, defaults: readonly EventType[]): NewRequestWebhook {
    const { outbound, box } = this.parts;
    outbound.checkUrl(url);
    const signing = secret === undefined ? newSecret() : checkedSecret(secret, '/webhook/secret');
    const secrets = webhookBox(box);
    const createdAtMs = Date.now();
    return {
      id: newWebhookId(createdAtMs),
      settings: {
        ...{ url: new URL(url).origin, events: [...(events ?? defaults)] },
        ...{ labels: {}, description: '', enabled: true },
      },
      encryptedUrl: secrets.encrypt(url),
      encryptedSecret: secrets.encrypt(signing),
      createdAtMs,
    };
  }
}

/** Records the webhooks of requests, in the transaction that accepts the requests. */
export async function insertRequestWebhooks(
  writer: Writer,
  tenant: string,
  webhooks: readonly NewRequestWebhook[],
): Promise<void> {
  if (webhooks.length === 0) return;
  const rows = webhooks.map(({ id, settings, encryptedUrl, encryptedSecret, createdAtMs }) => ({
    ...{ id, tenant, of_request: 1, settings: JSON.stringify(settings), encrypted_url: encryptedUrl },
    ...{ disabled_reason: null, secret: encryptedSecret, previous_secret: null },
    ...{ previous_secret_expires_at: null, created_at: createdAtMs },
  }));
  await writer.insertInto('webhook').values(rows).execute();
}

/**
 * Removes webhooks of requests that are a month old and whose jobs, batches, runs and deliveries no longer exist.
 * @returns how many
 * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export async function removeUnusedWebhooks(database: Database, nowMs: number): Promise<number> {
  for (let removed = 0; ; ) {
    const { numDeletedRows } = await database.write((writer) =>
      writer
        .deleteFrom('webhook')
        .where('id', 'in', ({ selectFrom, not, exists, and }) =>
          selectFrom('webhook')
            .select('webhook.id')
            .where('of_request', '=', 1)
            .where('created_at', '<', nowMs - KEPT_MS)
            .where(
              and([
                not(exists(selectFrom('job').select('job.id').whereRef('job.webhook', '=', 'webhook.id'))),
                not(
                  exists(selectFrom('batch').select('batch.id').whereRef('batch.webhook', '=', 'webhook.id')),
                ),
                not(exists(selectFrom('run').select('run.id').whereRef('run.webhook', '=', 'webhook.id'))),
                not(
                  exists(
                    selectFrom('delivery')
                      .select('delivery.id')
                      .whereRef('delivery.webhook', '=', 'webhook.id'),
                  ),
                ),
              ]),
            )
            .limit(REMOVED_AT_ONCE),
        )
        .executeTakeFirst(),
    );
    removed += Number(numDeletedRows);
    if (numDeletedRows < REMOVED_AT_ONCE) return removed;
  }
}
