/** What all tenants are together that have no label of their own. */
const OTHERS = 'other';

/**
 * Which tenants have labels of their own. There may be thousands, and each has a series of its own in every metric with
 * that label; so the first ones that are named here are, up to a bound, and stay so for as long as the process runs, for a
 * counter must not change its name. All others are one.
 */
export class TenantLabels {
  private readonly most: number;
  private readonly named = new Set<string>();

  /** @param most 0: none has one */
  constructor(most: number) {
    this.most = most;
  }

  /** The label of a tenant. One that is met while there is room gets its own. */
  of(tenant: string): string {
    if (this.named.has(tenant)) return tenant;
    if (this.named.size >= this.most) return OTHERS;
    this.named.add(tenant);
    return tenant;
  }

  /** Names tenants before any is met, those first that matter most. */
  name(tenants: readonly string[]): void {
    for (const tenant of tenants) this.of(tenant);
  }
}
