import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { CallerRecord, KeyList, KeyRequest, NewKey } from '../../contract/key.ts';
import { TenantId } from '../../contract/tenant-id.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { singlePage } from '../../http/paging.ts';
import { principalOf, tenantOf } from '../../http/principal.ts';
import { asComponent, LOCATION, problems, REMOVED, reference, response } from '../../http/schemas.ts';
import { KEY_EXAMPLES } from './examples.ts';
import { administeredTenant, checkGrant } from './grant.ts';
import { KEY_ERRORS, type KeyService } from './service.ts';

const KeyPath = Type.Object({
  id: Type.String({ description: 'Id of a key', examples: ['key_5f0c2a9b7e31'] }),
});
const KeyQuery = Type.Object({ tenant: Type.Optional(TenantId) }, { additionalProperties: false });

/**
 * Routes for the caller's identity and for keys: of all tenants for administrators of the service, and of their own
 * tenant for its administrators.
 */
export const keyRoutes: FastifyPluginAsyncTypebox<{ keys: KeyService }> = async (app, { keys }) => {
  for (const [schema, example] of KEY_EXAMPLES)
    app.addSchema({ ...asComponent(schema), examples: [example] });

  app.get(
    '/v1/caller',
    {
      schema: {
        operationId: 'getCaller',
        tags: ['service'],
        summary: 'Get your own tenant and scopes',
        description: 'What the key or token of this request may do, so that a client can offer only that.',
        response: {
          200: response('The caller, as the service knows it', reference(CallerRecord)),
          ...problems(),
        },
      },
    },
    async (request, reply) => {
      const { tenant, keyId, scopes } = principalOf(request);
      const authentication = keyId === null ? 'open' : 'keys';
      return reply
        .header('cache-control', 'no-store')
        .send({ authentication, tenant, key_id: keyId, scopes: [...scopes] });
    },
  );

  app.post(
    '/v1/keys',
    {
      config: { accepts: 'application/json', scope: 'tenant_admin', needsKeys: true, idempotency: 'secret' },
      schema: {
        operationId: 'createKey',
        tags: ['administration'],
        summary: 'Create a key',
        description:
          'A tenant may have any number of keys at a time, so that one can be replaced without a gap. Without ' +
          '`tenant` the key belongs to the tenant of the caller. A caller with `tenant_admin` but without `admin` ' +
          'can create keys for its own tenant only, without the scope `admin`, and with at most its own ' +
          '`max_priority`.',
        body: reference(KeyRequest),
        response: {
          201: response('The key, which is shown only this once', reference(NewKey), { headers: LOCATION }),
          ...problems(...codesOfGroups('json', 'json-body'), ...KEY_ERRORS.create),
        },
      },
    },
    async (request, reply) => {
      const { name = '', expires_in_seconds: seconds } = request.body;
      const expiresAt = seconds === undefined ? null : new Date(Date.now() + seconds * 1000);
      const { record, key } = await keys.create({
        ...checkGrant(request.body, principalOf(request), tenantOf(request)),
        ...{ name, expiresAt },
      });
      return reply
        .code(201)
        .headers({ location: `/v1/keys/${record.id}`, 'cache-control': 'no-store' })
        .send({ ...record, key });
    },
  );

  app.get(
    '/v1/keys',
    {
      config: { scope: 'tenant_admin', needsKeys: true },
      schema: {
        operationId: 'listKeys',
        tags: ['administration'],
        summary: 'List keys, including revoked and expired ones, the oldest first',
        description: 'A caller with `tenant_admin` but without `admin` gets the keys of its own tenant only.',
        querystring: KeyQuery,
        response: {
          200: response('The keys, without the secret texts', reference(KeyList)),
          ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION'),
        },
      },
    },
    async (request, reply) => {
      const own = administeredTenant(principalOf(request));
      const { tenant = own } = request.query;
      const found = own !== undefined && tenant !== own ? [] : await keys.list(tenant);
      return reply.header('cache-control', 'no-store').send(singlePage(found));
    },
  );

  app.delete(
    '/v1/keys/:id',
    {
      config: { scope: 'tenant_admin', needsKeys: true },
      schema: {
        operationId: 'deleteKey',
        tags: ['administration'],
        summary: 'Revoke a key',
        description:
          'The key stays in the list as revoked; revoking it again changes nothing. Other processes of the service may ' +
          'accept it for five more seconds.',
        params: KeyPath,
        response: {
          204: { ...REMOVED, description: 'Revoked' },
          ...problems(...KEY_ERRORS.revoke),
        },
      },
    },
    async (request, reply) => {
      await keys.revoke(request.params.id, request.actingFor ?? administeredTenant(principalOf(request)));
      return reply.code(204).send(null);
    },
  );
};
