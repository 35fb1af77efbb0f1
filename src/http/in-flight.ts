import { AppError } from '../errors/app-error.ts';

export interface InFlightBounds {
  /** Most requests that are handled at a time, not counting those whose bodies are still arriving. Default: no bound. */
  readonly maxRequests?: number | undefined;
  /** Most uploads: requests whose bodies are processed while they arrive. Default: no bound. */
  readonly maxUploads?: number | undefined;
  /** Most bytes of all other bodies together. Default: 32 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Share of each bound that one tenant may use; a single request may exceed it. Default 1: all. */
  readonly tenantShare?: number | undefined;
}

type Kind = 'requests' | 'uploads' | 'bytes';

/** Parsed JSON takes several times as much memory as its text. */
const DEFAULT_BODY_BYTES = 32 * 1024 * 1024;

const OF: Readonly<Record<Kind, string>> = {
  requests: 'requests in flight',
  uploads: 'uploads in flight',
  bytes: 'bytes of requests in flight',
};

/** Bounds what a process handles at a time: requests, uploads, and bytes of bodies in memory. */
export class InFlight {
  private readonly share: number;
  private readonly bounds: Readonly<Record<Kind, number>>;
  private readonly totals: Record<Kind, number> = { requests: 0, uploads: 0, bytes: 0 };
  private readonly byTenant = new Map<string, Record<Kind, number>>();

  constructor({ maxRequests, maxUploads, maxBodyBytes, tenantShare = 1 }: InFlightBounds = {}) {
    this.share = tenantShare;
    this.bounds = {
      requests: maxRequests ?? Number.POSITIVE_INFINITY,
      uploads: maxUploads ?? Number.POSITIVE_INFINITY,
      bytes: maxBodyBytes ?? DEFAULT_BODY_BYTES,
    };
  }

  /** @throws AppError SERVICE_OVERLOADED if there is no room for another request now */
  check(tenant: string): void {
    this.reserve(tenant, 'requests', 1);
  }

  /** @throws AppError SERVICE_OVERLOADED; nothing is reserved then */
  acquire(tenant: string, kind: Kind, amount: number): void {
    this.reserve(tenant, kind, amount);
    this.add(tenant, kind, amount);
  }

  release(tenant: string, kind: Kind, amount: number): void {
    this.add(tenant, kind, -amount);
  }

  /** The current amounts. */
  get counts(): Readonly<Record<Kind, number>> {
    return this.totals;
  }

  private reserve(tenant: string, kind: Kind, amount: number): void {
    const bound = this.bounds[kind];
    const own = this.byTenant.get(tenant)?.[kind] ?? 0;
    // A single request of a tenant is always accepted, because it has a size limit of its own.
    const isOwnFull = own > 0 && own + amount > Math.max(1, Math.floor(bound * this.share));
    const total = this.totals[kind];
    if (!isOwnFull && (total === 0 || total + amount <= bound)) return;
    const who = isOwnFull && this.share < 1 ? 'The tenant' : 'The service';
    throw new AppError('SERVICE_OVERLOADED', `${who} is at its limit of ${OF[kind]}; try again in a moment.`);
  }

  private add(tenant: string, kind: Kind, amount: number): void {
    this.totals[kind] += amount;
    const own = this.byTenant.get(tenant) ?? { requests: 0, uploads: 0, bytes: 0 };
    own[kind] += amount;
    if (own.requests + own.uploads + own.bytes > 0) this.byTenant.set(tenant, own);
    else this.byTenant.delete(tenant);
  }
}

/** What one request has reserved. */
export class RequestInFlight {
  private readonly all: InFlight;
  private readonly tenant: string;
  private readonly taken: Record<Kind, number> = { requests: 0, uploads: 0, bytes: 0 };

  constructor(all: InFlight, tenant: string) {
    this.all = all;
    this.tenant = tenant;
  }

  /** @throws AppError SERVICE_OVERLOADED */
  acquire(kind: Kind, amount = 1): void {
    this.all.acquire(this.tenant, kind, amount);
    this.taken[kind] += amount;
  }

  /** The work of the request is done; it no longer counts. */
  releaseAll(): void {
    for (const [kind, amount] of Object.entries(this.taken) as [Kind, number][]) {
      if (amount > 0) this.all.release(this.tenant, kind, amount);
      this.taken[kind] = 0;
    }
  }
}
