import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KeyRecord, Scope } from '../../contract/key.ts';
import type { Database } from '../../database/database.ts';
import type { ApiKeyTable } from '../../database/tables.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { ensureTenant } from '../tenants/service.ts';
import { isKeyId, keyDigest, keyIdOf, newKey } from './key-text.ts';

/** Another process may still take a key for this long after it was revoked. */
const REMEMBERED_MS = 5_000;
const MOST_REMEMBERED = 10_000;

/** When a key was used last is known to the hour: so often it is written down, by each process. */
const USE_GRAIN_MS = 3_600_000;

interface Remembered {
  readonly record: KeyRecord;
  readonly digest: Buffer;
}

export interface NewKeyOptions {
  /** A well-formed id; the tenant is made where there is none. */
  readonly tenant: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
}

/** What the methods throw; the routes of the room derive from it what they may answer. */
export const KEY_ERRORS = {
  create: ['STORAGE_FULL'],
  revoke: ['KEY_NOT_FOUND', 'STORAGE_FULL'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * API keys. Their digests are in the database, the keys themselves are not. All methods throw AppError
 * DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class KeyService {
  private readonly database: Database;
  /** By id; null for those that are not there. */
  private readonly remembered: LRUCache<string, { readonly key: Remembered | null }>;
  /** Ids of keys whose use was written down within the last hour. */
  private readonly noted = new LRUCache<string, true>({ max: MOST_REMEMBERED, ttl: USE_GRAIN_MS });

  /** @param rememberedMs shorter in tests */
  constructor(database: Database, rememberedMs = REMEMBERED_MS) {
    this.remembered = new LRUCache({ max: MOST_REMEMBERED, ttl: rememberedMs });
    this.database = database;
  }

  /** The key is returned here and nowhere else. */
  create({ tenant, name, scopes, expiresAt }: NewKeyOptions): Promise<{ record: KeyRecord; key: string }> {
    const { id, key } = newKey();
    return this.database.write(async (writer) => {
      await ensureTenant(writer, tenant);
      const row = await writer
        .insertInto('api_key')
        .values({
          ...{ id, tenant, name },
          scopes: JSON.stringify([...new Set(scopes)]),
          sha256: keyDigest(key).toString('hex'),
          created_at: Date.now(),
          expires_at: expiresAt?.getTime() ?? null,
          revoked_at: null,
          last_used_at: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      return { record: recordOf(row), key };
    });
  }

  /** Every key, revoked ones too, the oldest first. */
  async list(tenant?: string): Promise<KeyRecord[]> {
    const all = this.database.reader.selectFrom('api_key').selectAll().orderBy('created_at').orderBy('id');
    const rows = await (tenant === undefined ? all : all.where('tenant', '=', tenant)).execute();
    return rows.map(recordOf);
  }

  /** Whether there is any key that can be used now. */
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

  /** Ends a key; again, changes nothing. @throws AppError KEY_NOT_FOUND */
  async revoke(id: string): Promise<KeyRecord> {
    const notFound = new AppError('KEY_NOT_FOUND', `There is no key ${JSON.stringify(id)}.`, { id });
    if (!isKeyId(id)) throw notFound;
    const row = await this.database.write((writer) =>
      writer
        .updateTable('api_key')
        .set((key) => ({ revoked_at: key.fn.coalesce('revoked_at', key.val(Date.now())) }))
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst(),
    );
    this.remembered.delete(id);
    if (!row) throw notFound;
    return recordOf(row);
  }

  /** The record of a key that may be used now, or undefined: unknown, revoked, expired or no key at all. */
  async verify(key: string): Promise<KeyRecord | undefined> {
    const remembered = this.verifyRemembered(key);
    if (remembered !== undefined) return remembered ?? undefined;
    const id = keyIdOf(key)!;
    const { reader } = this.database;
    const row = await reader.selectFrom('api_key').selectAll().where('id', '=', id).executeTakeFirst();
    this.remembered.set(id, {
      key: row ? { record: recordOf(row), digest: Buffer.from(row.sha256, 'hex') } : null,
    });
    const record = this.verifyRemembered(key) ?? undefined;
    // Here and not for what is remembered: a key that is used is looked up every few seconds.
    if (record) await this.noteUse(id);
    return record;
  }

  /** The same without waiting: null for what cannot be used, undefined where `verify` has to look. */
  verifyRemembered(key: string): KeyRecord | null | undefined {
    const id = keyIdOf(key);
    if (id === undefined) return null;
    const known = this.remembered.get(id);
    if (!known) return undefined;
    if (!known.key || !timingSafeEqual(keyDigest(key), known.key.digest)) return null;
    const { record } = known.key;
    return isLive(record, Date.now()) ? record : null;
  }

  /** Nothing depends on it: where the database fails, a note is lost. */
  private async noteUse(id: string): Promise<void> {
    if (this.noted.has(id)) return;
    this.noted.set(id, true);
    const noting = this.database.write((writer) =>
      writer.updateTable('api_key').set({ last_used_at: Date.now() }).where('id', '=', id).execute(),
    );
    await noting.catch(() => this.noted.delete(id));
  }
}

const isLive = ({ revoked_at, expires_at }: KeyRecord, nowMs: number): boolean =>
  revoked_at === null && (expires_at === null || Date.parse(expires_at) > nowMs);

const timeOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const recordOf = ({ id, tenant, name, ...row }: ApiKeyTable): KeyRecord => ({
  ...{ id, tenant, name },
  scopes: JSON.parse(row.scopes) as Scope[],
  created_at: new Date(row.created_at).toISOString(),
  expires_at: timeOf(row.expires_at),
  revoked_at: timeOf(row.revoked_at),
  last_used_at: timeOf(row.last_used_at),
});
