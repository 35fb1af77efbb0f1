import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KeyRecord, Scope } from '../../contract/key.ts';
import { AppError } from '../../errors.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { TenantService } from '../tenants/tenant-service.ts';
import { isKeyId, keyDigest, keyIdOf, newKey } from './key-text.ts';
import { KeyUses } from './key-uses.ts';

const PREFIX = 'keys/';
const keyOf = (id: string): string => `${PREFIX}${id}.json`;

/** Another process may still take a key for this long after it was revoked. */
const REMEMBERED_MS = 5_000;
const MOST_REMEMBERED = 10_000;

interface StoredKey {
  /** `last_used_at` is written elsewhere: see key-uses.ts. */
  readonly record: KeyRecord;
  /** SHA-256 of the key, hex. */
  readonly sha256: string;
}

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

/** API keys. Their digests are in the storage, the keys themselves are not. All methods throw AppError STORAGE_*. */
export class KeyService {
  private readonly store: BlobStore;
  private readonly tenants: TenantService;
  private readonly uses: KeyUses;
  /** By id; null for those that are not there. */
  private readonly remembered: LRUCache<string, { readonly key: Remembered | null }>;

  /** @param rememberedMs shorter in tests */
  constructor(store: BlobStore, rememberedMs = REMEMBERED_MS) {
    this.remembered = new LRUCache({ max: MOST_REMEMBERED, ttl: rememberedMs });
    this.store = store;
    this.tenants = new TenantService(store);
    this.uses = new KeyUses(store);
  }

  /** The key is returned here and nowhere else. */
  async create({
    tenant,
    name,
    scopes,
    expiresAt,
  }: NewKeyOptions): Promise<{ record: KeyRecord; key: string }> {
    await this.tenants.ensure(tenant);
    const { id, key } = newKey();
    const record: KeyRecord = {
      id,
      tenant,
      name,
      scopes: [...new Set(scopes)],
      created_at: new Date().toISOString(),
      expires_at: expiresAt?.toISOString() ?? null,
      revoked_at: null,
      last_used_at: null,
    };
    await this.put({ record, sha256: keyDigest(key).toString('hex') });
    return { record, key };
  }

  /** Every key, revoked ones too, the oldest first. */
  async list(tenant?: string): Promise<KeyRecord[]> {
    const ids = await this.ids();
    const stored = await Promise.all(ids.map((id) => this.read(id)));
    const records = stored
      .flatMap((key) => key?.record ?? [])
      .filter((record) => tenant === undefined || record.tenant === tenant)
      .sort((x, y) => order(x.created_at, y.created_at) || order(x.id, y.id));
    return Promise.all(records.map((record) => this.withUse(record)));
  }

  /** Whether there is any key that can be used now. */
  async isAny(): Promise<boolean> {
    return (await this.list()).some((record) => isLive(record, Date.now()));
  }

  /** Ends a key; again, changes nothing. @throws AppError KEY_NOT_FOUND */
  async revoke(id: string): Promise<KeyRecord> {
    const stored = isKeyId(id) ? await this.read(id) : undefined;
    if (!stored) throw new AppError('KEY_NOT_FOUND', `There is no key ${JSON.stringify(id)}.`, { id });
    if (stored.record.revoked_at !== null) return this.withUse(stored.record);
    const record = { ...stored.record, revoked_at: new Date().toISOString() };
    await this.put({ ...stored, record });
    return this.withUse(record);
  }

  /** The record of a key that may be used now, or undefined: unknown, revoked, expired or no key at all. */
  async verify(key: string): Promise<KeyRecord | undefined> {
    const remembered = this.verifyRemembered(key);
    if (remembered !== undefined) return remembered ?? undefined;
    const id = keyIdOf(key)!;
    const stored = await this.read(id);
    this.remembered.set(id, {
      key: stored ? { record: stored.record, digest: Buffer.from(stored.sha256, 'hex') } : null,
    });
    const record = this.verifyRemembered(key) ?? undefined;
    // Here and not for what is remembered: a key that is used is looked up every few seconds.
    if (record) await this.uses.note(id);
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

  private async withUse(record: KeyRecord): Promise<KeyRecord> {
    return { ...record, last_used_at: await this.uses.lastOf(record.id) };
  }

  private async ids(): Promise<string[]> {
    const keys = await this.store.list(PREFIX);
    return keys.map((key) => key.slice(PREFIX.length, -'.json'.length));
  }

  private async read(id: string): Promise<StoredKey | undefined> {
    const bytes = await this.store.get(keyOf(id));
    return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as StoredKey);
  }

  private async put(stored: StoredKey): Promise<void> {
    await this.store.put(keyOf(stored.record.id), Buffer.from(JSON.stringify(stored)));
    this.remembered.delete(stored.record.id);
  }
}

const isLive = ({ revoked_at, expires_at }: KeyRecord, nowMs: number): boolean =>
  revoked_at === null && (expires_at === null || Date.parse(expires_at) > nowMs);

const order = (x: string, y: string): number => (x < y ? -1 : x > y ? 1 : 0);
