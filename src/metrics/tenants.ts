/** The label that all tenants without their own label share. */
const OTHERS = 'other';

/**
 * Decides which tenants have labels of their own. There may be thousands of tenants, and every metric with this label
 * has a series for each label value. So only the first tenants that are seen get their own labels, up to a limit;
 * they keep them as long as the process runs, because a counter must not change its labels. All others share one
 * label.
 */
export class TenantLabels {
  private readonly maximum: number;
  private readonly named = new Set<string>();

  /** @param maximum largest number of tenants with their own labels; 0: none */
  constructor(maximum: number) {
    this.maximum = maximum;
  }

  /** The label of a tenant. A new tenant gets its own label if the limit is not reached. */
  of(tenant: string): string {
    if (this.named.has(tenant)) return tenant;
    if (this.named.size >= this.maximum) return OTHERS;
    this.named.add(tenant);
    return tenant;
  }

  /** Assigns labels to tenants before they are seen, the most important first. */
  name(tenants: readonly string[]): void {
    for (const tenant of tenants) this.of(tenant);
  }
}
