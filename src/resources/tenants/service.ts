import type { TenantRecord, TenantRequest } from '../../contract/tenant.ts';
import { DEFAULT_TENANT, isTenantId } from '../../contract/tenant-id.ts';
import type { Database } from '../../database/database.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { TenantStore } from './store.ts';

/** The errors of the methods; the routes derive the codes of their responses from them. */
export const TENANT_ERRORS = {
  get: ['TENANT_NOT_FOUND', 'STORAGE_FAILED'],
  put: ['TENANT_DELETING', 'STORAGE_FULL'],
  delete: ['TENANT_NOT_FOUND', 'TENANT_NOT_DELETABLE', 'STORAGE_FULL'],
  suspend: ['TENANT_NOT_FOUND', 'TENANT_DELETING', 'STORAGE_FULL'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/** AppError TENANT_NOT_FOUND, whose message names the calls that create a tenant. */
export const noSuchTenant = (id: string): AppError =>
  new AppError(
    'TENANT_NOT_FOUND',
    `There is no tenant ${JSON.stringify(id)}. An administrator of the service creates it with PUT ` +
      '/v1/tenants/{id}, or with `keys create --make-tenant` on the machine of the service.',
    { tenant: id },
  );

/**
 * Tenants. The default tenant always exists; others are created by an administrator. All methods throw AppError
 * DATABASE_UNAVAILABLE, and those that write STORAGE_FULL.
 */
export class TenantService {
  private readonly store: TenantStore;

  constructor(database: Database) {
    this.store = new TenantStore(database);
  }

  /** In the order of their ids. */
  page(request: PageRequest): Promise<Page<TenantRecord>> {
    return this.store.page(request);
  }

  /** @throws AppError TENANT_NOT_FOUND */
  async get(id: string): Promise<TenantRecord> {
    // PostgreSQL fails for a text with U+0000.
    const record = isTenantId(id) ? await this.store.get(id) : undefined;
    if (record) return record;
    throw noSuchTenant(id);
  }

  /**
   * Creates a tenant, or replaces all its settings.
   * @param id well-formed
   * @throws AppError TENANT_DELETING
   */
  put(id: string, settings: TenantRequest): Promise<TenantRecord> {
    return this.store.put(id, settings);
  }

  /**
   * Suspends a tenant: until `resume`, none of its queued jobs starts and it cannot submit new work. Active jobs
   * continue. Repeating the call changes nothing.
   * @throws AppError TENANT_NOT_FOUND, TENANT_DELETING
   */
  suspend(id: string): Promise<TenantRecord> {
    return this.setSuspended(id, true);
  }

  /**
   * Ends the suspension of a tenant. Repeating the call changes nothing.
   * @throws as `suspend`
   */
  resume(id: string): Promise<TenantRecord> {
    return this.setSuspended(id, false);
  }

  /**
   * Begins to delete a tenant with all its records, which the sweeper then removes. Its keys are refused from now on.
   * Repeating the call changes nothing.
   * @throws AppError TENANT_NOT_FOUND, TENANT_NOT_DELETABLE for the default tenant
   */
  async delete(id: string): Promise<TenantRecord> {
    if (id === DEFAULT_TENANT)
      throw new AppError('TENANT_NOT_DELETABLE', `The tenant "${id}" always exists.`, { tenant: id });
    const record = isTenantId(id) ? await this.store.delete(id) : undefined;
    if (record) return record;
    throw noSuchTenant(id);
  }

  private async setSuspended(id: string, isSuspended: boolean): Promise<TenantRecord> {
    const record = isTenantId(id) ? await this.store.suspend(id, isSuspended) : undefined;
    if (record) return record;
    throw noSuchTenant(id);
  }
}
