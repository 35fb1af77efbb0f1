import { AppError } from '../errors/app-error.ts';

export interface StreamLimits {
  readonly perTenant: number;
  readonly perProcess: number;
}

/** Counts the streams that are open, which each hold a connection for as long as their client likes. */
export class OpenStreams {
  private readonly limits: StreamLimits;
  private readonly byTenant = new Map<string, number>();
  private readonly open = new Set<AbortController>();

  constructor(limits: StreamLimits) {
    this.limits = limits;
  }

  get count(): number {
    return this.open.size;
  }

  /**
   * Counts one more.
   * @returns what ends it, and what is called when it has ended
   * @throws AppError TOO_MANY_STREAMS
   */
  add(tenant: string): { readonly signal: AbortSignal; readonly close: () => void } {
    const { perTenant, perProcess } = this.limits;
    const own = this.byTenant.get(tenant) ?? 0;
    if (own >= perTenant) throw tooMany(`There are ${own} streams open for this tenant`, perTenant);
    if (this.open.size >= perProcess) throw tooMany('There are many streams open', perProcess);
    const controller = new AbortController();
    this.open.add(controller);
    this.byTenant.set(tenant, own + 1);
    return {
      signal: controller.signal,
      close: () => {
        if (!this.open.delete(controller)) return;
        const left = this.byTenant.get(tenant)! - 1;
        if (left === 0) this.byTenant.delete(tenant);
        else this.byTenant.set(tenant, left);
        controller.abort();
      },
    };
  }

  /** Has all streams end. */
  end(): void {
    for (const controller of this.open) controller.abort();
  }
}

const tooMany = (what: string, limit: number): AppError =>
  new AppError(
    'TOO_MANY_STREAMS',
    `${what}; at most ${limit} may be. Close some, or ask for the job instead.`,
    {
      limit,
    },
  );
