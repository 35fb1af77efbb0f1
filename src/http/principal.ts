import type { FastifyRequest } from 'fastify';
import type { JobPriority } from '../contract/job-request.ts';
import { SCOPES, type Scope } from '../contract/key.ts';
import { DEFAULT_TENANT } from '../contract/tenant-id.ts';
import { AppError } from '../errors/app-error.ts';

/** The caller of a request. */
export interface Principal {
  readonly tenant: string;
  /** null if no key is required; for a token, `jwt:` followed by its subject. */
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
  /** The highest priority that the caller may use; without one, the limit of its tenant applies. */
  readonly maxPriority?: JobPriority;
}

/** Routes outside this path need no key. */
export const API_PREFIX = '/v1/';

/** The scope that a route requires. */
export const scopeOf = (method: string, scope: Scope | null | undefined): Scope =>
  scope ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'write');

/**
 * Whether the scopes of a caller include the required one. An administrator of all tenants also administers each of
 * them.
 */
export const isAllowed = ({ scopes }: Principal, needed: Scope): boolean =>
  scopes.includes(needed) || (needed === 'tenant_admin' && scopes.includes('admin'));

export const DEFAULT_PRINCIPAL: Principal = { tenant: DEFAULT_TENANT, keyId: null, scopes: SCOPES };

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller, even if a scope is missing; null on routes without authentication. */
    principal: Principal | null;
    /** The tenant for which an administrator acts, if it is not the administrator's own. */
    actingFor: string | null;
  }
  interface FastifyContextConfig {
    /** The scope that this route requires; by default `read` for GET and HEAD, otherwise `write`. null: no key. */
    scope?: Scope | null;
    /** Refused while no keys are required, because its effect would remain once keys are required. */
    needsKeys?: boolean;
  }
}

/** The tenant whose records a request is about. */
export const tenantOf = (request: FastifyRequest): string => request.actingFor ?? principalOf(request).tenant;

export function principalOf(request: FastifyRequest): Principal {
  if (request.principal) return request.principal;
  throw new AppError('INTERNAL', 'This route requires no key, so its requests have no principal.');
}
