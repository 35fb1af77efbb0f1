import type { WebhookChange, WebhookRecord } from '../../contract/webhook.ts';
import type { Database, Writer } from '../../database/database.ts';
import type { WebhookTable } from '../../database/tables.ts';

/** The fields that clients set. */
export type WebhookSettings = Omit<WebhookRecord, 'id' | 'disabled_reason' | 'created_at'>;

export interface NewWebhookRow {
  readonly id: string;
  readonly settings: WebhookSettings;
  readonly encryptedSecret: string;
  readonly createdAtMs: number;
}

/**
 * A tenant's webhooks. Ids are well-formed. All methods throw AppError DATABASE_UNAVAILABLE, and those that write
 * STORAGE_FULL.
 */
export class WebhookStore {
  private readonly database: Database;
  private readonly tenant: string;

  constructor(database: Database, tenant: string) {
    this.database = database;
    this.tenant = tenant;
  }

  /** The oldest first, without the webhooks of requests. */
  async list(): Promise<WebhookRecord[]> {
    const own = this.rows(this.database.reader).where('of_request', '=', 0);
    const rows = await own.orderBy('id').execute();
    return rows.map(webhookRecord);
  }

  async get(id: string): Promise<WebhookRecord | undefined> {
    const row = await this.rows(this.database.reader).where('id', '=', id).executeTakeFirst();
    return row && webhookRecord(row);
  }

  /** @returns undefined if there are already `most` webhooks */
  create(
    { id, settings, encryptedSecret, createdAtMs }: NewWebhookRow,
    maximum: number,
  ): Promise<WebhookRecord | undefined> {
    return this.database.write(async (writer) => {
      // Locks the tenant, so that a simultaneous creation waits and both are counted.
      const tenant = writer.selectFrom('tenant').select('id').where('id', '=', this.tenant);
      await this.database.locked(tenant).execute();
      const { count } = await writer
        .selectFrom('webhook')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('tenant', '=', this.tenant)
        .where('of_request', '=', 0)
        .executeTakeFirstOrThrow();
      if (count >= maximum) return undefined;
      const row = await writer
        .insertInto('webhook')
        .values({
          id,
          tenant: this.tenant,
          of_request: 0,
          encrypted_url: null,
          settings: JSON.stringify(settings),
          disabled_reason: null,
          secret: encryptedSecret,
          previous_secret: null,
          previous_secret_expires_at: null,
          created_at: createdAtMs,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      return webhookRecord(row);
    });
  }

  /** Changes the given fields only. `enabled: true` also removes the reason for which it was disabled. */
  change(id: string, change: WebhookChange): Promise<WebhookRecord | undefined> {
    return this.database.write(async (writer) => {
      const known = await this.database.locked(this.rows(writer).where('id', '=', id)).executeTakeFirst();
      if (!known) return undefined;
      const settings: WebhookSettings = { ...settingsOf(known), ...change };
      const row = await writer
        .updateTable('webhook')
        .set({
          settings: JSON.stringify(settings),
          ...(change.url !== undefined && { encrypted_url: null }),
          ...(change.enabled === true && { disabled_reason: null }),
        })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
      return webhookRecord(row);
    });
  }

  /**
   * Replaces the signing secret; the previous one also signs until `previousExpiresAtMs`. After two simultaneous
   * rotations, both new secrets sign.
   * @returns whether there is such a webhook
   */
  async rotate(id: string, encryptedSecret: string, previousExpiresAtMs: number): Promise<boolean> {
    const { numUpdatedRows } = await this.database.write((writer) =>
      writer
        .updateTable('webhook')
        .set(({ ref }) => ({
          previous_secret: ref('secret'),
          previous_secret_expires_at: previousExpiresAtMs,
          secret: encryptedSecret,
        }))
        .where('tenant', '=', this.tenant)
        .where('id', '=', id)
        .executeTakeFirst(),
    );
    return numUpdatedRows > 0;
  }

  /** Removes a webhook with its remaining deliveries. @returns whether there was such a webhook */
  async remove(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.database.write((writer) =>
      writer.deleteFrom('webhook').where('tenant', '=', this.tenant).where('id', '=', id).executeTakeFirst(),
    );
    return numDeletedRows > 0;
  }

  private rows(reader: Database['reader']) {
    return reader.selectFrom('webhook').selectAll().where('tenant', '=', this.tenant);
  }
}

/** A tenant's webhooks, locked against removal until the transaction ends, so that deliveries can be created for them. */
export function lockedWebhooks({ dialect }: Database, writer: Writer, tenant: string) {
  const rows = writer.selectFrom('webhook').selectAll().where('tenant', '=', tenant);
  // Other transactions may hold them as well, and change them.
  return dialect === 'postgresql' ? rows.forKeyShare() : rows;
}

/** A webhook without its secrets. */
export const webhookRecord = (row: WebhookTable): WebhookRecord => {
  const { url, events, labels, description, enabled } = settingsOf(row);
  return {
    ...{ id: row.id, url, events, labels, description },
    enabled: enabled && row.disabled_reason === null,
    created_at: new Date(row.created_at).toISOString(),
    disabled_reason: row.disabled_reason,
  };
};

const settingsOf = ({ settings }: WebhookTable): WebhookSettings => JSON.parse(settings) as WebhookSettings;
