import { DEFAULT_TENANT } from '../../../src/contract/tenant-id.ts';
import { END_TYPES } from '../../../src/contract/webhook.ts';
import type { Database } from '../../../src/database/database.ts';
import { newDeliveryId, newWebhookId } from '../../../src/database/ids.ts';
import type { DeliveryTable } from '../../../src/database/tables.ts';
import { newDelivery } from '../../../src/resources/webhooks/delivery-rows.ts';
import { DeliveryStore } from '../../../src/resources/webhooks/delivery-store.ts';
import {
  type NewWebhookRow,
  type WebhookSettings,
  WebhookStore,
} from '../../../src/resources/webhooks/store.ts';

export const webhooksOf = (database: Database, tenant = DEFAULT_TENANT): WebhookStore =>
  new WebhookStore(database, tenant);
export const deliveriesOf = (database: Database, tenant = DEFAULT_TENANT): DeliveryStore =>
  new DeliveryStore(database, tenant);

/** A webhook that wants every end by default. @returns its id */
export async function newWebhook(
  database: Database,
  change: Partial<WebhookSettings> = {},
  {
    tenant = DEFAULT_TENANT,
    encryptedSecret = 'encrypted',
  }: { tenant?: string } & Partial<NewWebhookRow> = {},
): Promise<string> {
  const id = newWebhookId(Date.now());
  const settings: WebhookSettings = {
    url: 'https://hooks.example.com/',
    events: [...END_TYPES],
    labels: {},
    description: '',
    enabled: true,
    ...change,
  };
  await webhooksOf(database, tenant).create({ id, settings, encryptedSecret, createdAtMs: Date.now() }, 100);
  return id;
}

/** A delivery in the given state. @returns its id */
export async function addDelivery(
  database: Database,
  webhook: string,
  change: Partial<DeliveryTable> = {},
): Promise<string> {
  const about = { id: newDeliveryId(Date.now()), webhook, tenant: DEFAULT_TENANT, subject: 'job_1' };
  const row = { ...newDelivery({ ...about, type: 'job.succeeded', payload: '{}' }, Date.now()), ...change };
  await database.write((writer) => writer.insertInto('delivery').values(row).execute());
  return row.id;
}

/** Ids of a webhook's deliveries, the newest first. */
export const deliveryIds = async (database: Database, webhookId: string): Promise<string[]> =>
  (await deliveriesOf(database).page(webhookId, undefined, { limit: 10_000 })).items.map(({ id }) => id);
