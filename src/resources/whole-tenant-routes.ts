import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { TenantCancellation, TenantRecord } from '../contract/tenant.ts';
import { TenantId } from '../contract/tenant-id.ts';
import { asComponent, problems, reference, response } from '../http/schemas.ts';
import { cancelTenant } from './cancel-tenant.ts';
import { TENANT_ERRORS } from './tenants/service.ts';
import type { Workspaces } from './workspaces.ts';

const TenantPath = Type.Object({ id: TenantId });

/** Routes by which administrators act on everything that a tenant has. */
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
          'Each job and batch is cancelled as by its own call. If this call is interrupted, repeat it to ' +
          'cancel the rest. Jobs that the tenant submits meanwhile are not cancelled: suspend the tenant ' +
          'first.',
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

  app.delete(
    '/v1/tenants/:id',
    {
      config: { scope: 'admin', needsKeys: true },
      schema: {
        operationId: 'deleteTenant',
        tags: ['administration'],
        summary: 'Delete a tenant with all its data',
        description:
          'Its keys are refused and none of its jobs start from then on, and running jobs are cancelled; other ' +
          'processes of the service may accept its keys for five more seconds. The next sweeps remove all its data: ' +
          'it is `deleting` until then, and 404 afterwards. Bytes leave the storage after the grace period for ' +
          'content. This cannot be undone; repeating the call changes nothing.',
        params: TenantPath,
        response: {
          202: response('The tenant, which is being deleted', reference(TenantRecord)),
          ...problems('VALIDATION_FAILED', ...TENANT_ERRORS.delete),
        },
      },
    },
    async (request, reply) => {
      const record = await workspaces.tenants.delete(request.params.id);
      workspaces.limits.forget(record.id);
      // A sweep would do this as well, but later.
      await cancelTenant(workspaces.of(record.id));
      return reply.code(202).send(record);
    },
  );
};
