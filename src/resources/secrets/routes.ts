import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { KeyRotation } from '../../contract/secrets.ts';
import type { Database } from '../../database/database.ts';
import { asComponent, problems, reference, response } from '../../http/schemas.ts';
import type { WebhookParts } from '../webhooks/service.ts';
import { ROTATION_ERRORS, rotateSecrets } from './rotate-secrets.ts';

export interface SecretRoutesOptions {
  readonly database: Database;
  readonly parts: Pick<WebhookParts, 'box'>;
}

const rotation: KeyRotation = {
  ...{ key: '5f0c2a9b', reencrypted: 42, next: null },
  ...{ droppable_keys: ['0b7e3191'], unreadable: [] },
};

const RotationQuery = Type.Object(
  {
    after: Type.Optional(
      Type.String({
        maxLength: 2_000,
        description: 'The `next` of the previous response, from which this call continues',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Encrypted secrets, for administrators. */
export const secretRoutes: FastifyPluginAsyncTypebox<SecretRoutesOptions> = async (
  app,
  { database, parts },
) => {
  app.addSchema({ ...asComponent(KeyRotation), examples: [rotation] });

  app.post(
    '/v1/secrets/rotate',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'rotateSecrets',
        tags: ['administration'],
        summary: 'Re-encrypt stored secrets',
        description:
          'Covers all tenants: secrets of webhooks, credentials of connections and of unfinished jobs, ' +
          'and responses with a secret that are kept for repeated requests. Those that are encrypted with ' +
          'the first of `SECRETS_KEYS` are left unchanged, so repeating the call is safe. Before you ' +
          'remove a key, make sure that `SECRETS_KEYS` of every process begins with the new key.',
        querystring: RotationQuery,
        response: {
          200: response('The outcome', reference(KeyRotation)),
          ...problems('UNKNOWN_OPTION', ...ROTATION_ERRORS),
        },
      },
    },
    async (request, reply) =>
      reply.header('cache-control', 'no-store').send(await rotateSecrets(database, parts.box, request.query)),
  );
};
