import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { type TSchema, Type } from 'typebox';
import { isTenantId, TenantId } from '../../contract/tenant-id.ts';
import { AppError, ignoring } from '../../errors/app-error.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { API_PREFIX, type Principal, scopeOf, tenantOf } from '../../http/principal.ts';
import { withProblems } from '../../http/schemas.ts';
import { withHook } from '../../http/with-hook.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { TenantLimits, TenantStatus } from './limits.ts';

export interface ActingForOptions {
  readonly limits: TenantLimits;
  readonly metrics: Pick<Metrics, 'accessRefused'>;
  /** Called with the tenant for which an administrator makes the call. */
  readonly onActingFor: (request: FastifyRequest, tenant: string) => void;
}

const TENANT = {
  ...TenantId,
  description:
    'The tenant to whose records the call applies. A tenant other than that of the key requires the scope ' +
    '`admin`. Default: the tenant of the key',
};
const ONLY_TENANT = Type.Object({ tenant: Type.Optional(TENANT) }, { additionalProperties: false });

type Query = TSchema & { readonly properties: object };
type Done = (error?: Error) => void;

/**
 * Determines the tenant of a call: that of the caller, or the one that an administrator names with `tenant`. For a
 * suspended tenant nothing new is accepted, not even from an administrator.
 */
export const actingFor = fp(async (app: FastifyInstance, options: ActingForOptions) => {
  const { limits, metrics, onActingFor } = options;
  app.decorateRequest('actingFor', null);

  /** @throws AppError SCOPE_MISSING, TENANT_NOT_FOUND */
  function takeTenant(request: FastifyRequest, principal: Principal): void {
    const { tenant } = request.query as { readonly tenant?: unknown };
    // The schema refuses values that are not ids before anything else is done.
    if (typeof tenant !== 'string' || !isTenantId(tenant) || tenant === principal.tenant) return;
    if (principal.keyId === null)
      throw new AppError(
        'TENANT_NOT_FOUND',
        `While callers need no key (AUTH=open), there is only the tenant "${principal.tenant}".`,
        { tenant },
      );
    if (!principal.scopes.includes('admin')) {
      metrics.accessRefused('scope');
      throw new AppError(
        'SCOPE_MISSING',
        `Naming another tenant requires a key with the scope "admin"; this one belongs to "${principal.tenant}".`,
        { needed: 'admin', scopes: principal.scopes },
      );
    }
    request.actingFor = tenant;
  }

  function admit(request: FastifyRequest, { state }: TenantStatus): void {
    const tenant = tenantOf(request);
    if (state === 'deleting' && request.actingFor === null)
      throw new AppError('KEY_INVALID', `The tenant of the key, ${tenant}, is being deleted.`);
    if (state === 'deleting')
      throw new AppError('TENANT_NOT_FOUND', `Tenant ${tenant} is being deleted.`, { tenant });
    if (state === 'suspended' && needsActiveTenant(request))
      throw new AppError(
        'TENANT_SUSPENDED',
        `Tenant ${tenant} is suspended: it can only read, download, cancel and delete.`,
        { tenant },
      );
    if (request.actingFor !== null) onActingFor(request, tenant);
  }

  function onRequest(request: FastifyRequest, _reply: FastifyReply, done: Done) {
    const { principal } = request;
    if (!principal) return done();
    try {
      takeTenant(request, principal);
      const isOther = request.actingFor !== null;
      const tenant = tenantOf(request);
      const known = limits.cachedStatus(tenant);
      if (known) {
        admit(request, known);
        return done();
      }
      // If it cannot be looked up, the request's own queries will fail too.
      const lookup = isOther
        ? limits.statusOf(tenant)
        : limits.statusOf(tenant).catch(ignoring('DATABASE_UNAVAILABLE'));
      lookup.then((standing) => standing && admit(request, standing)).then(() => done(), done);
    } catch (error) {
      done(error as Error);
    }
  }

  app.addHook('onRoute', (route: RouteOptions) => {
    const { url, config, method } = route;
    if (!url.startsWith(API_PREFIX) || config?.scope === null || config?.scope === 'admin') return;
    withHook(route, 'onRequest', onRequest);
    if (!route.schema) return;
    const query = route.schema.querystring as Query | undefined;
    const groups = createsOrChanges(String(method), url) ? (['of-tenant-write'] as const) : [];
    route.schema = {
      ...route.schema,
      querystring: query ? { ...query, properties: { ...query.properties, tenant: TENANT } } : ONLY_TENANT,
      response: withProblems((route.schema.response ?? {}) as object, [
        'VALIDATION_FAILED',
        ...codesOfGroups('of-tenant', ...groups),
      ]),
    };
  });
});

const needsActiveTenant = ({ method, routeOptions: { config, url = '' } }: FastifyRequest): boolean =>
  scopeOf(method, config.scope) === 'write' && createsOrChanges(method, url);

/** Whether a call does anything other than read, cancel or delete. */
const createsOrChanges = (method: string, url: string): boolean =>
  !['GET', 'HEAD', 'OPTIONS', 'DELETE'].includes(method) && !url.endsWith('/cancel');
