import { LRUCache } from 'lru-cache';
import type { Quotas } from '../../contract/tenant.ts';
import type { TenantService } from './service.ts';

/** What an administrator changes in another process counts here after this at most. */
const REMEMBERED_MS = 5_000;
const MOST_REMEMBERED = 10_000;

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
