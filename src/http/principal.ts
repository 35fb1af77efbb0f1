import type { FastifyRequest } from 'fastify';
import { SCOPES, type Scope } from '../contract/key.ts';
import { DEFAULT_TENANT } from '../contract/tenant-id.ts';
import { AppError } from '../errors/app-error.ts';

/** Who a request comes from. */
export interface Principal {
  readonly tenant: string;
  /** Null where nobody is asked for a key. */
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
}

/** What needs no key lies outside this folder. */
export const API_PREFIX = '/v1/';

/** What a key needs for a route. */
export const scopeOf = (method: string, scope: Scope | null | undefined): Scope =>
  scope ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'write');

export const ANYBODY: Principal = { tenant: DEFAULT_TENANT, keyId: null, scopes: SCOPES };

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, also for what they may not do; null on routes that ask nobody. */
    principal: Principal | null;
  }
  interface FastifyContextConfig {
    /** What a key needs for this route; by default `read` for GET and HEAD, else `write`. null: no key. */
    scope?: Scope | null;
    /** Refused while nobody is asked for a key: what anybody does here would count when keys are asked for later. */
    needsKeys?: boolean;
  }
}

export function principalOf(request: FastifyRequest): Principal {
  if (request.principal) return request.principal;
  throw new AppError('INTERNAL', 'A route that asks for no key has no principal.');
}
