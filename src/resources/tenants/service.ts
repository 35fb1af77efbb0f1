import { LRUCache } from 'lru-cache';
import type { Quotas, TenantRecord } from '../../contract/tenant.ts';
import { isTenantId } from '../../contract/tenant-id.ts';
import type { Database } from '../../database/database.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { TenantStore } from './store.ts';

/** What an administrator changes in another process counts here after this at most. */
const REMEMBERED_MS = 5_000;
const MOST_REMEMBERED = 10_000;

/** What the methods throw; the routes of the room derive from it what they may answer. */
export const TENANT_ERRORS = {
  get: ['TENANT_NOT_FOUND', 'STORAGE_FAILED'],
  put: ['STORAGE_FULL'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * Who has things here. The default tenant is always there; others come with their first key or when an administrator
 * says so. All methods throw AppError DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class TenantService {
  private readonly store: TenantStore;

  constructor(database: Database) {
    this.store = new TenantStore(database);
  }

  /** In the order of their ids. */
  list(): Promise<TenantRecord[]> {
    return this.store.list();
  }

  /** @throws AppError TENANT_NOT_FOUND */
  async get(id: string): Promise<TenantRecord> {
    // PostgreSQL fails for a text with U+0000.
    const record = isTenantId(id) ? await this.store.get(id) : undefined;
    if (record) return record;
    throw new AppError('TENANT_NOT_FOUND', `There is no tenant ${JSON.stringify(id)}.`, { tenant: id });
  }

  /** Makes a tenant, or changes what it may use. @param id well-formed */
  put(id: string, quotas: Quotas): Promise<TenantRecord> {
    return this.store.put(id, quotas);
  }
}

/** What tenants may use, remembered for a moment: it is looked at for every request. */
export class TenantQuotas {
  private readonly tenants: Pick<TenantService, 'get'>;
  private readonly remembered = new LRUCache<string, Quotas>({ max: MOST_REMEMBERED, ttl: REMEMBERED_MS });

  constructor(tenants: Pick<TenantService, 'get'>) {
    this.tenants = tenants;
  }

  /** What is remembered, without waiting; undefined where `of` has to look. */
  known(tenant: string): Quotas | undefined {
    return this.remembered.get(tenant);
  }

  /** @throws AppError TENANT_NOT_FOUND, STORAGE_* */
  async of(tenant: string): Promise<Quotas> {
    const known = this.remembered.get(tenant);
    if (known) return known;
    const { quotas } = await this.tenants.get(tenant);
    this.remembered.set(tenant, quotas);
    return quotas;
  }

  /** Something was changed. */
  forget(tenant: string): void {
    this.remembered.delete(tenant);
  }
}
