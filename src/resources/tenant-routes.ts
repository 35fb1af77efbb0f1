import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { TenantId } from '../contract/key.ts';
import { TenantCancellation } from '../contract/tenant.ts';
import { asComponent, problems, reference, response } from '../http/schemas.ts';
import { cancelTenant } from './cancel-tenant.ts';
import { TENANT_ERRORS } from './tenants/service.ts';
import type { Workspaces } from './workspaces.ts';

const TenantPath = Type.Object({ id: TenantId });

/** What administrators do to all that a tenant has. */
export const wholeTenantRoutes: FastifyPluginAsyncTypebox<{ workspaces: Workspaces }> = async (
  app,
  { workspaces },
) => {
  app.addSchema({ ...asComponent(TenantCancellation), examples: [{ batches: 1, jobs: 4_812 }] });

  app.post(
    '/v1/tenants/:id/cancel',
    {
      config: { scope: 'admin', needsKeys: true },
      schema: {
        operationId: 'cancelTenant',
        tags: ['administration'],
        summary: 'Cancel every unfinished job and batch of a tenant',
        description:
          'As if each was cancelled by itself. Where the call breaks off, a part is done, and the same call does the rest. What ' +
          'the tenant submits meanwhile is not meant: suspend it first.',
        params: TenantPath,
        response: {
          200: response('What was cancelled', reference(TenantCancellation)),
          ...problems('VALIDATION_FAILED', ...TENANT_ERRORS.get, 'STORAGE_FULL'),
        },
      },
    },
    async (request, reply) => {
      const { id } = await workspaces.tenants.get(request.params.id);
      return reply.send(await cancelTenant(workspaces.of(id)));
    },
  );
};
