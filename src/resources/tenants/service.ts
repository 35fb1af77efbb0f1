import type { TenantRecord, TenantRequest } from '../../contract/tenant.ts';
import { isTenantId } from '../../contract/tenant-id.ts';
import type { Database } from '../../database/database.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { TenantStore } from './store.ts';

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

  /** Makes a tenant, or sets all that is set for it anew. @param id well-formed */
  put(id: string, settings: TenantRequest): Promise<TenantRecord> {
    return this.store.put(id, settings);
  }
}
