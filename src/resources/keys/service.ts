import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KeyRecord } from '../../contract/key.ts';
import type { Database } from '../../database/database.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { noSuchTenant } from '../tenants/service.ts';
import { isKeyId, keyDigest, newKey, parseKeyId } from './key-text.ts';
import { KeyStore, type NewKeyRow, type StoredKey } from './store.ts';

/** How long another process may still accept a revoked key. */
const CACHE_MS = 5_000;
const MAX_CACHED = 10_000;

/** The last use of a key is recorded to the hour: each process writes it this often. */
const USE_GRAIN_MS = 3_600_000;

/** The errors of the methods; the routes derive the codes of their responses from them. */
export const KEY_ERRORS = {
  create: ['TENANT_NOT_FOUND', 'TENANT_DELETING', 'KEY_GRANT_REFUSED', 'STORAGE_FULL'],
  revoke: ['KEY_NOT_FOUND', 'STORAGE_FULL'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * API keys. The database has their digests, not the keys themselves. All methods throw AppError DATABASE_UNAVAILABLE,
 * and those that write STORAGE_FULL.
 */
export class KeyService {
  private readonly store: KeyStore;
  /** By id; null for ids without a key. */
  private readonly remembered: LRUCache<string, { readonly key: StoredKey | null }>;
  /** Ids of keys whose use was recorded within the last hour. */
  private readonly noted = new LRUCache<string, true>({ max: MAX_CACHED, ttl: USE_GRAIN_MS });

  /** @param rememberedMs how long keys are cached; shorter in tests */
  constructor(database: Database, rememberedMs = CACHE_MS) {
    this.remembered = new LRUCache({ max: MAX_CACHED, ttl: rememberedMs });
    this.store = new KeyStore(database);
  }

  /**
   * Creates a key. The key itself is returned only here. The id of the tenant must be well-formed.
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

  /** Whether there is any usable key. */
  isAny(): Promise<boolean> {
    return this.store.isAny();
  }

  /**
   * Revokes a key. Repeating the call changes nothing.
   * @param tenant the tenant to which the key must belong; undefined: any tenant
   * @throws AppError KEY_NOT_FOUND
   */
  async revoke(id: string, tenant?: string): Promise<KeyRecord> {
    const record = isKeyId(id) ? await this.store.revoke(id, tenant) : undefined;
    this.remembered.delete(id);
    if (record) return record;
    throw new AppError('KEY_NOT_FOUND', `There is no key ${JSON.stringify(id)}.`, { id });
  }

  /** The record of a usable key; undefined if it is unknown, revoked, expired or not a key at all. */
  async verify(key: string): Promise<KeyRecord | undefined> {
    const remembered = this.verifyRemembered(key);
    if (remembered !== undefined) return remembered ?? undefined;
    const id = parseKeyId(key)!;
    this.remembered.set(id, { key: (await this.store.get(id)) ?? null });
    const record = this.verifyRemembered(key) ?? undefined;
    // The use is recorded only on a lookup, not for cached keys: a key in use is looked up every few seconds anyway.
    if (record) await this.noteUse(id);
    return record;
  }

  /** The same from the cache, without waiting: null for an unusable key, undefined if `verify` must query. */
  verifyRemembered(key: string): KeyRecord | null | undefined {
    const id = parseKeyId(key);
    if (id === undefined) return null;
    const known = this.remembered.get(id);
    if (!known) return undefined;
    if (!known.key || !timingSafeEqual(keyDigest(key), known.key.digest)) return null;
    const { record } = known.key;
    return isLive(record, Date.now()) ? record : null;
  }

  /** Records the use of a key. Nothing depends on it: if the database fails, the record is lost. */
  private async noteUse(id: string): Promise<void> {
    if (this.noted.has(id)) return;
    this.noted.set(id, true);
    await this.store.noteUse(id).catch(() => this.noted.delete(id));
  }
}

const isLive = ({ revoked_at, expires_at }: KeyRecord, nowMs: number): boolean =>
  revoked_at === null && (expires_at === null || Date.parse(expires_at) > nowMs);
