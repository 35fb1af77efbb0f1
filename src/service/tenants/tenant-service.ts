import type { Quotas, TenantRecord } from '../../contract/tenant.ts';
import { AppError } from '../../errors.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { DEFAULT_TENANT, isTenantId } from './tenant-id.ts';

const PREFIX = 'tenant-records/';
const keyOf = (id: string): string => `${PREFIX}${id}.json`;

/**
 * Who has things here. The default tenant is always there; others come with their first key or when an administrator
 * says so. All methods throw AppError STORAGE_*.
 */
export class TenantService {
  private readonly store: BlobStore;

  constructor(store: BlobStore) {
    this.store = store;
  }

  /** In the order of their ids. */
  async list(): Promise<TenantRecord[]> {
    const keys = await this.store.list(PREFIX);
    const ids = keys.map((key) => key.slice(PREFIX.length, -'.json'.length));
    const all = [...new Set([DEFAULT_TENANT, ...ids])].sort();
    return Promise.all(all.map((id) => this.get(id)));
  }

  /** @throws AppError TENANT_NOT_FOUND */
  async get(id: string): Promise<TenantRecord> {
    const bytes = isTenantId(id) ? await this.store.get(keyOf(id)) : undefined;
    if (bytes) return JSON.parse(Buffer.from(bytes).toString('utf8')) as TenantRecord;
    if (id === DEFAULT_TENANT) return { id, quotas: {}, created_at: new Date(0).toISOString() };
    throw new AppError('TENANT_NOT_FOUND', `There is no tenant ${JSON.stringify(id)}.`, { tenant: id });
  }

  /** Makes a tenant unless there is one of that id. @param id well-formed */
  async ensure(id: string): Promise<void> {
    await this.store.create(keyOf(id), encode({ id, quotas: {}, created_at: new Date().toISOString() }));
  }

  /** Makes a tenant, or changes what it may use. @param id well-formed */
  async put(id: string, quotas: Quotas): Promise<TenantRecord> {
    await this.ensure(id);
    const record = { ...(await this.get(id)), quotas };
    await this.store.put(keyOf(id), encode(record));
    return record;
  }
}

const encode = (record: TenantRecord): Uint8Array => Buffer.from(JSON.stringify(record));
