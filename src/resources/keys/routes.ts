import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { KeyList, KeyRequest, NewKey, TenantId } from '../../contract/key.ts';
import { errorsOf } from '../../errors/error-kinds.ts';
import { wholeList } from '../../http/paging.ts';
import { asComponent, LOCATION, NOTHING, problems, reference, response } from '../../http/schemas.ts';
import { KEY_EXAMPLES } from './examples.ts';
import { KEY_ERRORS, type KeyService } from './service.ts';

const KeyPath = Type.Object({
  id: Type.String({ description: 'Id of a key', examples: ['key_5f0c2a9b7e31'] }),
});
const KeyQuery = Type.Object({ tenant: Type.Optional(TenantId) }, { additionalProperties: false });

/** Keys of all tenants, for administrators. */
export const keyRoutes: FastifyPluginAsyncTypebox<{ keys: KeyService }> = async (app, { keys }) => {
  for (const [schema, example] of KEY_EXAMPLES)
    app.addSchema({ ...asComponent(schema), examples: [example] });

  app.post(
    '/v1/keys',
    {
      config: { accepts: 'application/json', scope: 'admin', needsKeys: true, idempotency: 'secret' },
      schema: {
        operationId: 'createKey',
        tags: ['administration'],
        summary: 'Make a key; its tenant too, where there is none of that id',
        description:
          'A tenant may have any number of keys at once, so that one can be replaced without a gap.',
        body: reference(KeyRequest),
        response: {
          201: response('The key, this once', reference(NewKey), { headers: LOCATION }),
          ...problems(...errorsOf('json', 'json-body'), ...KEY_ERRORS.create),
        },
      },
    },
    async (request, reply) => {
      const { tenant, name = '', scopes = ['read', 'write'], expires_in_seconds: seconds } = request.body;
      const expiresAt = seconds === undefined ? null : new Date(Date.now() + seconds * 1000);
      const { record, key } = await keys.create({ tenant, name, scopes, expiresAt });
      return reply
        .code(201)
        .headers({ location: `/v1/keys/${record.id}`, 'cache-control': 'no-store' })
        .send({ ...record, key });
    },
  );

  app.get(
    '/v1/keys',
    {
      config: { scope: 'admin', needsKeys: true },
      schema: {
        operationId: 'listKeys',
        tags: ['administration'],
        summary: 'All keys, revoked and expired ones too, the oldest first',
        querystring: KeyQuery,
        response: {
          200: response('The keys, without what opens anything', reference(KeyList)),
          ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION'),
        },
      },
    },
    async (request, reply) =>
      reply.header('cache-control', 'no-store').send(wholeList(await keys.list(request.query.tenant))),
  );

  app.delete(
    '/v1/keys/:id',
    {
      config: { scope: 'admin', needsKeys: true },
      schema: {
        operationId: 'deleteKey',
        tags: ['administration'],
        summary: 'Revoke a key',
        description:
          'It stays in the list, as revoked; to revoke it again changes nothing. Other processes of the service may take ' +
          'it for five seconds more.',
        params: KeyPath,
        response: {
          204: { ...NOTHING, description: 'Revoked' },
          ...problems(...KEY_ERRORS.revoke),
        },
      },
    },
    async (request, reply) => {
      await keys.revoke(request.params.id);
      return reply.code(204).send(null);
    },
  );
};
