import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KeyRecord } from '../../contract/key.ts';
import type { Database } from '../../database/database.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { noSuchTenant } from '../tenants/service.ts';
import { isKeyId, keyDigest, keyIdOf, newKey } from './key-text.ts';
import { KeyStore, type NewKeyRow, type StoredKey } from './store.ts';

/** Another process may still take a key for this long after it was revoked. */
const REMEMBERED_MS = 5_000;
const MOST_REMEMBERED = 10_000;

/** When a key was used last is known to the hour: so often it is written down, by each process. */
const USE_GRAIN_MS = 3_600_000;

/** What the methods throw; the routes of the room derive from it what they may answer. */
export const KEY_ERRORS = {
  create: ['TENANT_NOT_FOUND', 'TENANT_DELETING', 'KEY_GRANT_REFUSED', 'STORAGE_FULL'],
  revoke: ['KEY_NOT_FOUND', 'STORAGE_FULL'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * API keys. Their digests are in the database, the keys themselves are not. All methods throw AppError
 * DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class KeyService {
  private readonly store: KeyStore;
  /** By id; null for those that are not there. */
  private readonly remembered: LRUCache<string, { readonly key: StoredKey | null }>;
  /** Ids of keys whose use was written down within the last hour. */
  private readonly noted = new LRUCache<string, true>({ max: MOST_REMEMBERED, ttl: USE_GRAIN_MS });

  /** @param rememberedMs shorter in tests */
  constructor(database: Database, rememberedMs = REMEMBERED_MS) {
    this.remembered = new LRUCache({ max: MOST_REMEMBERED, ttl: rememberedMs });
    this.store = new KeyStore(database);
  }

  /**
   * The key is returned here only. The id of the tenant is well-formed.
   * @throws AppError TENANT_NOT_FOUND
   */
  async create(options: Omit<NewKeyRow, 'id' | 'digest'>): Promise<{ record: KeyRecord; key: string }> {
    const { id, key } = newKey();
    const record = await this.store.create({ ...options, id, digest: keyDigest(key) });
    if (record) return { record, key };
    throw noSuchTenant(options.tenant);
  }

  /** Every key, revoked ones included, the oldest first. */
  list(tenant?: string): Promise<KeyRecord[]> {
    return this.store.list(tenant);
  }

  /** Whether there is any key that can be used now. */
  isAny(): Promise<boolean> {
    return this.store.isAny();
  }

  /**
   * Ends a key; again, changes nothing.
   * @param tenant whose key it must be; undefined: of any tenant
   * @throws AppError KEY_NOT_FOUND
   */
  async revoke(id: string, tenant?: string): Promise<KeyRecord> {
    const record = isKeyId(id) ? await this.store.revoke(id, tenant) : undefined;
    this.remembered.delete(id);
    if (record) return record;
    throw new AppError('KEY_NOT_FOUND', `There is no key ${JSON.stringify(id)}.`, { id });
  }

  /** The record of a key that may be used now, or undefined: unknown, revoked, expired or no key at all. */
  async verify(key: string): Promise<KeyRecord | undefined> {
    const remembered = this.verifyRemembered(key);
    if (remembered !== undefined) return remembered ?? undefined;
    const id = keyIdOf(key)!;
    this.remembered.set(id, { key: (await this.store.get(id)) ?? null });
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
    await this.store.noteUse(id).catch(() => this.noted.delete(id));
  }
}

const isLive = ({ revoked_at, expires_at }: KeyRecord, nowMs: number): boolean =>
  revoked_at === null && (expires_at === null || Date.parse(expires_at) > nowMs);
