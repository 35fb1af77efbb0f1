import { listAll } from './list.ts';
import { fillPath, jsonOf, type Transport } from './transport.ts';
import type {
  CallOptions,
  CreateOptions,
  QueryOf,
  Tenant,
  TenantCancellation,
  TenantRequest,
  TenantSummary,
  TenantWithUsage,
} from './types.ts';

const TENANTS = '/v1/tenants';
const TENANT = '/v1/tenants/{id}';

/** Tenants, for administrators: their settings, limits and usage. */
export class Tenants {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** All tenants, with their records and waiting jobs. */
  list(
    query: QueryOf<'/v1/tenants'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<TenantSummary, void, undefined> {
    return listAll<TenantSummary>(this.#transport, TENANTS, query, options);
  }

  get(id: string, options: CallOptions = {}): Promise<TenantWithUsage> {
    const path = fillPath(TENANT, { id });
    return this.#transport.call({ ...options, method: 'GET', path }, jsonOf<TenantWithUsage>);
  }

  /** Creates a tenant, or replaces its settings: absent ones get their defaults. */
  put(id: string, settings: TenantRequest, options: CallOptions = {}): Promise<Tenant> {
    const headers = { 'content-type': 'application/json' };
    const call = { ...options, method: 'PUT', path: fillPath(TENANT, { id }), headers } as const;
    return this.#transport.call({ ...call, body: JSON.stringify(settings) }, jsonOf<Tenant>);
  }

  /** No waiting job starts and no new one is accepted, until `resume`. */
  suspend(id: string, options: CreateOptions = {}): Promise<Tenant> {
    const path = fillPath('/v1/tenants/{id}/suspend', { id });
    return this.#transport.call({ ...options, method: 'POST', path }, jsonOf<Tenant>);
  }

  resume(id: string, options: CreateOptions = {}): Promise<Tenant> {
    const path = fillPath('/v1/tenants/{id}/resume', { id });
    return this.#transport.call({ ...options, method: 'POST', path }, jsonOf<Tenant>);
  }

  /** Cancels every unfinished job and batch of a tenant. */
  cancel(id: string, options: CreateOptions = {}): Promise<TenantCancellation> {
    const path = fillPath('/v1/tenants/{id}/cancel', { id });
    return this.#transport.call({ ...options, method: 'POST', path }, jsonOf<TenantCancellation>);
  }

  /** Deletes a tenant with all its data; this cannot be undone. */
  delete(id: string, options: CallOptions = {}): Promise<Tenant> {
    const path = fillPath(TENANT, { id });
    return this.#transport.call({ ...options, method: 'DELETE', path }, jsonOf<Tenant>);
  }
}
