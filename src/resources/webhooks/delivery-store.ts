import type { DeliveryRecord, DeliveryState } from '../../contract/webhook.ts';
import type { Database } from '../../database/database.ts';
import { listPage } from '../../database/lists/list-page.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { sql } from '../../database/sql.ts';
import { DELIVERY_COLUMNS, deliveryRecord, newDelivery, removeDeliveries } from './delivery-rows.ts';
import { lockedWebhooks } from './store.ts';

/**
 * The deliveries of a tenant's webhooks. Ids are well-formed. All methods throw AppError DATABASE_UNAVAILABLE, and those
 * that write STORAGE_FULL.
 */
export class DeliveryStore {
  private readonly database: Database;
  private readonly tenant: string;

  constructor(database: Database, tenant: string) {
    this.database = database;
    this.tenant = tenant;
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
    const { rows, next } = await listPage(
      this.database,
      {
        ...{
          table: 'delivery',
          tenant: this.tenant,
          columns: DELIVERY_COLUMNS,
          rare: { webhook: webhookId },
        },
        oneOf: states && [...new Set(states)].map((state) => sql`delivery.state = ${state}`),
      },
      request,
    );
    return { items: rows.map(deliveryRecord), next };
  }

  async get(webhookId: string, id: string): Promise<DeliveryRecord | undefined> {
    const row = await this.database.reader
      .selectFrom('delivery')
      .select(DELIVERY_COLUMNS)
      .where('tenant', '=', this.tenant)
      .where('webhook', '=', webhookId)
      .where('id', '=', id)
      .executeTakeFirst();
    return row && deliveryRecord(row);
  }

  /**
   * A new delivery of a test event.
   * @returns undefined if the webhook does not exist
   */
  open(webhookId: string, id: string, payload: string, nowMs: number): Promise<DeliveryRecord | undefined> {
    const { database, tenant } = this;
    return database.write(async (writer) => {
      const webhook = lockedWebhooks(database, writer, tenant).where('id', '=', webhookId);
      if (!(await webhook.executeTakeFirst())) return undefined;
      const about = { id, webhook: webhookId, tenant, type: 'webhook.test' as const, subject: null, payload };
      const row = newDelivery(about, nowMs);
      await writer.insertInto('delivery').values(row).execute();
      return deliveryRecord(row);
    });
  }

  /**
   * Requests an attempt now. For a final delivery the schedule starts over.
   * @returns undefined if it does not exist
   */
  async reopen(webhookId: string, id: string, nowMs: number): Promise<DeliveryRecord | undefined> {
    const row = await this.database.write((writer) =>
      writer
        .updateTable('delivery')
        .set(({ case: when, ref }) => ({
          state: 'pending',
          next_attempt_at: nowMs,
          attempts_before: when()
            .when('state', '=', 'pending')
            .then(ref('attempts_before'))
            .else(ref('attempts_made'))
            .end(),
        }))
        .where('tenant', '=', this.tenant)
        .where('webhook', '=', webhookId)
        .where('id', '=', id)
        .returning(DELIVERY_COLUMNS)
        .executeTakeFirst(),
    );
    return row && deliveryRecord(row);
  }

  async removeAll(webhookId: string): Promise<void> {
    await removeDeliveries(this.database, (all) =>
      all.where('tenant', '=', this.tenant).where('webhook', '=', webhookId),
    );
  }
}
