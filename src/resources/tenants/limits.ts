import { LRUCache } from 'lru-cache';
import type { JobPriority } from '../../contract/job-request.ts';
import type { TenantRequest, TenantState } from '../../contract/tenant.ts';
import type { TenantService } from './service.ts';

/** The longest time until a change by an administrator in another process takes effect here. */
const CACHE_MS = 5_000;
const MAX_CACHED = 10_000;

/** The limits of a tenant: its own settings, otherwise the defaults of the service. null: no limit. */
export interface Limits {
  readonly stored_bytes: number | null;
  readonly max_queued: number | null;
  readonly max_running: number | null;
  readonly requests_per_minute: number | null;
  readonly weight: number;
  readonly max_priority: JobPriority;
}

/** Defaults of a service without settings for tenants. */
export const NO_TENANT_LIMITS: Limits = {
  stored_bytes: null,
  max_queued: null,
  max_running: null,
  requests_per_minute: null,
  weight: 100,
  max_priority: 'high',
};

export const effectiveLimits = (
  { weight, max_priority, quotas = {} }: TenantRequest,
  defaults: Limits = NO_TENANT_LIMITS,
): Limits => {
  const { weight: usual, max_priority: highest, ...none } = defaults;
  return { ...none, ...quotas, weight: weight ?? usual, max_priority: max_priority ?? highest };
};

/** What a tenant currently may do. */
export interface TenantStatus {
  readonly state: TenantState;
  readonly limits: Limits;
}

/** What tenants may do and use, cached briefly, because every request needs it. */
export class TenantLimits {
  readonly defaults: Limits;
  private readonly tenants: Pick<TenantService, 'get'>;
  private readonly cache = new LRUCache<string, TenantStatus>({ max: MAX_CACHED, ttl: CACHE_MS });

  constructor(tenants: Pick<TenantService, 'get'>, defaults: Limits = NO_TENANT_LIMITS) {
    this.tenants = tenants;
    this.defaults = defaults;
  }

  /** The cached limits, without waiting; undefined if `of` must query. */
  cachedLimits(tenant: string): Limits | undefined {
    return this.cachedStatus(tenant)?.limits;
  }

  /** @throws AppError TENANT_NOT_FOUND, DATABASE_UNAVAILABLE */
  async of(tenant: string): Promise<Limits> {
    return (await this.statusOf(tenant)).limits;
  }

  /** The cached value, without waiting; undefined if `statusOf` must query. */
  cachedStatus(tenant: string): TenantStatus | undefined {
    return this.cache.get(tenant);
  }

  /** @throws AppError TENANT_NOT_FOUND, DATABASE_UNAVAILABLE */
  async statusOf(tenant: string): Promise<TenantStatus> {
    const known = this.cache.get(tenant);
    if (known) return known;
    const record = await this.tenants.get(tenant);
    const status = { state: record.state, limits: effectiveLimits(record, this.defaults) };
    this.cache.set(tenant, status);
    return status;
  }

  /** Removes a tenant from the cache after a change. */
  forget(tenant: string): void {
    this.cache.delete(tenant);
  }
}
