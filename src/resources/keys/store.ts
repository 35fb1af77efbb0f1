import type { JobPriority } from '../../contract/job-request.ts';
import type { KeyRecord, Scope } from '../../contract/key.ts';
import type { Database } from '../../database/database.ts';
import type { ApiKeyTable } from '../../database/tables.ts';
import { ensureTenant, isTenant } from '../tenants/store.ts';

/** A key as it is looked up. `digest` is the SHA-256 of its text. */
export interface StoredKey {
  readonly record: KeyRecord;
  readonly digest: Buffer;
}

export interface NewKeyRow {
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** undefined: the limit of the tenant applies. */
  readonly maxPriority?: JobPriority | undefined;
  /** Whether the tenant is created if it does not exist. */
  readonly makesTenant?: boolean;
  readonly digest: Buffer;
  readonly expiresAt: Date | null;
}

/**
 * The rows of API keys, of all tenants. Ids are well-formed. All methods throw AppError DATABASE_UNAVAILABLE, and those
 * that write STORAGE_FULL.
 */
export class KeyStore {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** @returns undefined if the tenant does not exist and was not created */
  create(newRow: NewKeyRow): Promise<KeyRecord | undefined> {
    const { id, tenant, name, scopes, maxPriority, makesTenant, digest, expiresAt } = newRow;
    return this.database.write(async (writer) => {
      if (makesTenant) await ensureTenant(writer, tenant);
      else if (!(await isTenant(this.database, writer, tenant))) return undefined;
      const row = await writer
        .insertInto('api_key')
        .values({
          ...{ id, tenant, name },
          scopes: JSON.stringify([...new Set(scopes)]),
          max_priority: maxPriority ?? null,
          sha256: digest.toString('hex'),
          created_at: Date.now(),
          expires_at: expiresAt?.getTime() ?? null,
          revoked_at: null,
          last_used_at: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      return recordOf(row);
    });
  }

  async get(id: string): Promise<StoredKey | undefined> {
    const { reader } = this.database;
    const row = await reader.selectFrom('api_key').selectAll().where('id', '=', id).executeTakeFirst();
    return row && { record: recordOf(row), digest: Buffer.from(row.sha256, 'hex') };
  }

  /**
   * Every key, revoked ones included, the oldest first.
   * @param tenant undefined: keys of all tenants
   */
  async list(tenant?: string): Promise<KeyRecord[]> {
    const all = this.database.reader.selectFrom('api_key').selectAll().orderBy('created_at').orderBy('id');
    const rows = await (tenant === undefined ? all : all.where('tenant', '=', tenant)).execute();
    return rows.map(recordOf);
  }

  /** Whether there is any usable key. */
  async isAny(): Promise<boolean> {
    const row = await this.database.reader
      .selectFrom('api_key')
      .select('id')
      .where('revoked_at', 'is', null)
      .where((key) => key.or([key('expires_at', 'is', null), key('expires_at', '>', Date.now())]))
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  /**
   * Revokes a key. Repeating the call changes nothing. @param tenant undefined: any tenant @returns undefined if
   * there is no such key
   */
  async revoke(id: string, tenant?: string): Promise<KeyRecord | undefined> {
    const row = await this.database.write((writer) => {
      const one = writer
        .updateTable('api_key')
        .set((key) => ({ revoked_at: key.fn.coalesce('revoked_at', key.val(Date.now())) }))
        .where('id', '=', id);
      const own = tenant === undefined ? one : one.where('tenant', '=', tenant);
      return own.returningAll().executeTakeFirst();
    });
    return row && recordOf(row);
  }

  async noteUse(id: string): Promise<void> {
    await this.database.write((writer) =>
      writer.updateTable('api_key').set({ last_used_at: Date.now() }).where('id', '=', id).execute(),
    );
  }
}

const timeOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const recordOf = ({ id, tenant, name, ...row }: ApiKeyTable): KeyRecord => ({
  ...{ id, tenant, name },
  scopes: JSON.parse(row.scopes) as Scope[],
  ...(row.max_priority !== null && { max_priority: row.max_priority as JobPriority }),
  created_at: new Date(row.created_at).toISOString(),
  expires_at: timeOf(row.expires_at),
  revoked_at: timeOf(row.revoked_at),
  last_used_at: timeOf(row.last_used_at),
});
