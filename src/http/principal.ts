import type { FastifyRequest } from 'fastify';
import { SCOPES, type Scope } from '../contract/key.ts';
import { AppError } from '../errors.ts';
import { DEFAULT_TENANT } from '../service/tenants/tenant-id.ts';
import type { Workspace } from '../service/workspaces.ts';

/** Who a request comes from. */
export interface Principal {
  readonly tenant: string;
  /** Null where nobody is asked for a key. */
  readonly keyId: string | null;
  readonly scopes: readonly Scope[];
}

export const ANYBODY: Principal = { tenant: DEFAULT_TENANT, keyId: null, scopes: SCOPES };

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, also for what they may not do; null on routes that ask nobody. */
    principal: Principal | null;
    /** What they have; null where they may not do what they ask for. */
    ownWorkspace: Workspace | null;
  }
  interface FastifyContextConfig {
    /** What a key needs for this route; by default `read` for GET and HEAD, else `write`. null: no key. */
    scope?: Scope | null;
    /** Refused while nobody is asked for a key: what anybody does here would count when keys are asked for later. */
    needsKeys?: boolean;
  }
}

/** What the caller has, and nothing of others. */
export function workspaceOf(request: FastifyRequest): Workspace {
  if (request.ownWorkspace) return request.ownWorkspace;
  throw new AppError('INTERNAL', 'A route that asks for no key has no workspace.');
}

export function principalOf(request: FastifyRequest): Principal {
  if (request.principal) return request.principal;
  throw new AppError('INTERNAL', 'A route that asks for no key has no principal.');
}
