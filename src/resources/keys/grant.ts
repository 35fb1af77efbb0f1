import { JOB_PRIORITIES, type JobPriority } from '../../contract/job-request.ts';
import type { KeyRequest, Scope } from '../../contract/key.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Principal } from '../../http/principal.ts';
import { noSuchTenant } from '../tenants/service.ts';

/** The tenant of a new key, and its rights. */
export interface Grant {
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  readonly maxPriority: JobPriority | undefined;
}

const DEFAULT_SCOPES: readonly Scope[] = ['read', 'write'];

/** The tenant whose keys a caller administers; undefined: all tenants. */
export const administeredTenant = ({ scopes, tenant }: Principal): string | undefined =>
  scopes.includes('admin') ? undefined : tenant;

/**
 * The rights of a new key. The administrator of a tenant can create keys for its own tenant only, with no more rights
 * than its own; without a `max_priority` in the request, the key gets that of the caller.
 * @param about the tenant of the call, which gets the key unless the request names another one
 * @throws AppError TENANT_NOT_FOUND for another tenant, as if it did not exist; KEY_GRANT_REFUSED
 */
export function checkGrant(request: KeyRequest, giver: Principal, about: string): Grant {
  const { tenant = about, scopes = DEFAULT_SCOPES, max_priority: requested } = request;
  const own = administeredTenant(giver);
  if (own === undefined) return { tenant, scopes, maxPriority: requested };
  if (tenant !== own) throw noSuchTenant(tenant);
  if (scopes.includes('admin'))
    throw refused('the scope "admin", which only an administrator of the service can grant');
  const { maxPriority: maximum } = giver;
  if (requested !== undefined && maximum !== undefined && isHigher(requested, maximum))
    throw refused(
      `the max_priority "${requested}"; the highest one that this caller may use is "${maximum}"`,
    );
  return { tenant, scopes, maxPriority: requested ?? maximum };
}

const isHigher = (one: JobPriority, other: JobPriority): boolean =>
  JOB_PRIORITIES.indexOf(one) < JOB_PRIORITIES.indexOf(other);

const refused = (what: string): AppError =>
  new AppError('KEY_GRANT_REFUSED', `The key cannot be given ${what}.`);
