import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import {
  TenantList,
  TenantListQuery,
  TenantRecord,
  TenantRequest,
  TenantWithUsage,
  UsageQuery,
  UsageRecord,
} from '../../contract/tenant.ts';
import { isTenantId, TenantId } from '../../contract/tenant-id.ts';
import type { Database } from '../../database/database.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { listOptions, pageRequestOf, readListQuery, sendPage } from '../../http/paging.ts';
import { asComponent, problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { TENANT_EXAMPLES } from './examples.ts';
import type { TenantLimits } from './limits.ts';
import { TENANT_ERRORS, type TenantService } from './service.ts';
import { tenantSummaries, type UsageWorkspace, usageReport } from './usage-report.ts';

const SUSPENSION = {
  suspend: {
    summary: 'Suspend a tenant',
    description:
      'None of its waiting jobs start, and new requests are refused with TENANT_SUSPENDED; reading, ' +
      'downloading, cancelling and deleting still work, and running jobs continue. Other processes of the ' +
      'service follow within five seconds.',
  },
  resume: {
    summary: 'Resume a suspended tenant',
    description: 'Its waiting jobs can start again, in their order.',
  },
} as const;

const TenantPath = Type.Object({ id: TenantId });

export interface TenantRoutesOptions {
  readonly tenants: TenantService;
  readonly limits: TenantLimits;
  readonly database: Database;
  /** An existing tenant with its usage. */
  readonly spaceOf: (tenant: string) => UsageWorkspace;
}

/** Routes for tenants and their limits, for administrators; and for the usage of a tenant, for the tenant itself. */
export const tenantRoutes: FastifyPluginAsyncTypebox<TenantRoutesOptions> = async (
  app,
  { tenants, limits, database, spaceOf },
) => {
  for (const [schema, example] of TENANT_EXAMPLES)
    app.addSchema({ ...asComponent(schema), examples: [example] });
  app.addSchema(asComponent(TenantWithUsage));

  app.get(
    '/v1/tenants',
    {
      config: { scope: 'admin' },
      ...listOptions(TenantListQuery, TenantList, {
        operationId: 'listTenants',
        tags: ['administration'],
        summary: 'List tenants with their usage',
        description: 'Tenants are listed in the order of their ids.',
      }),
    },
    async (request, reply) => {
      const { items, next } = await tenants.page(pageRequestOf(request.query, isTenantId));
      return sendPage(request, reply, { items: await tenantSummaries(database, items), next });
    },
  );

  app.get(
    '/v1/tenants/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'getTenant',
        tags: ['administration'],
        summary: 'Get a tenant with its usage',
        params: TenantPath,
        response: {
          200: response('The tenant', reference(TenantWithUsage)),
          ...problems('VALIDATION_FAILED', ...TENANT_ERRORS.get),
        },
      },
    },
    async (request, reply) => {
      const tenant = await tenants.get(request.params.id);
      const usage = await usageReport(spaceOf(tenant.id));
      return reply.header('cache-control', 'no-store').send({ ...tenant, usage });
    },
  );

  app.put(
    '/v1/tenants/:id',
    {
      config: { accepts: 'application/json', scope: 'admin', needsKeys: true },
      schema: {
        operationId: 'putTenant',
        tags: ['administration'],
        summary: 'Create a tenant or change its limits',
        description: 'Other processes of the service use the previous settings for up to five more seconds.',
        params: TenantPath,
        body: reference(TenantRequest),
        response: {
          200: response('The changed tenant', reference(TenantRecord)),
          ...problems(...codesOfGroups('json', 'json-body'), ...TENANT_ERRORS.put),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const record = await tenants.put(id, request.body);
      limits.forget(id);
      return reply.send(record);
    },
  );

  for (const change of ['suspend', 'resume'] as const)
    app.post(
      `/v1/tenants/:id/${change}`,
      {
        config: { scope: 'admin', needsKeys: true },
        schema: {
          operationId: `${change}Tenant`,
          tags: ['administration'],
          ...SUSPENSION[change],
          params: TenantPath,
          response: {
            200: response('The changed tenant', reference(TenantRecord)),
            ...problems('VALIDATION_FAILED', ...TENANT_ERRORS.suspend),
          },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const record = await tenants[change](id);
        limits.forget(id);
        return reply.send(record);
      },
    );

  app.get(
    '/v1/usage',
    {
      preValidation: readListQuery,
      schema: {
        operationId: 'getUsage',
        tags: ['adapters'],
        summary: 'Get the limits and usage of your tenant',
        querystring: UsageQuery,
        response: {
          200: response('The usage', reference(UsageRecord)),
          ...problems('VALIDATION_FAILED', 'STORAGE_FAILED'),
        },
      },
    },
    async (request, reply) =>
      reply
        .header('cache-control', 'no-store')
        .send(await usageReport(workspaceOf(request), request.query.days)),
  );
};
