import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type TSchema, Type } from 'typebox';
import { WebhookEvent } from '../../contract/event.ts';
import {
  NewWebhook,
  RotatedSecret,
  SecretRotation,
  WebhookChange,
  WebhookId,
  WebhookList,
  WebhookRecord,
  WebhookRequest,
} from '../../contract/webhook.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { singlePage } from '../../http/paging.ts';
import { asComponent, LOCATION, problems, REMOVED, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { DELIVERY_ERRORS, DeliveryService } from './delivery-service.ts';
import {
  newWebhookExample,
  rotatedSecretExample,
  secretRotationExample,
  webhookChangeExample,
  webhookEventExample,
  webhookExample,
  webhookRequestExample,
} from './examples.ts';
import { WEBHOOK_ERRORS, type WebhookParts, WebhookService } from './service.ts';

const WebhookPath = Type.Object({ id: WebhookId });

const EXAMPLES: readonly (readonly [TSchema, unknown])[] = [
  [WebhookRecord, webhookExample],
  [WebhookRequest, webhookRequestExample],
  [WebhookChange, webhookChangeExample],
  [NewWebhook, newWebhookExample],
  [SecretRotation, secretRotationExample],
  [RotatedSecret, rotatedSecretExample],
  [WebhookList, singlePage([webhookExample])],
  [WebhookEvent, webhookEventExample],
];

/** Routes of webhooks. Those of their deliveries are in delivery-routes.ts. */
export const webhookRoutes: FastifyPluginAsyncTypebox<{ parts: WebhookParts }> = async (app, { parts }) => {
  for (const [schema, example] of EXAMPLES) app.addSchema({ ...asComponent(schema), examples: [example] });

  const webhooksOf = (request: Parameters<typeof workspaceOf>[0]): WebhookService =>
    new WebhookService(workspaceOf(request).webhookStore, parts);

  app.post(
    '/v1/webhooks',
    {
      config: { accepts: 'application/json', idempotency: 'secret' },
      schema: {
        operationId: 'createWebhook',
        tags: ['webhooks'],
        summary: 'Create a webhook',
        description:
          'Requests are signed according to Standard Webhooks (https://www.standardwebhooks.com) and repeated for ' +
          'three days until one is answered with 2xx. Their body is a `WebhookEvent`.',
        body: reference(WebhookRequest),
        response: {
          201: response('The webhook with its secret, which is shown only this once', reference(NewWebhook), {
            headers: LOCATION,
          }),
          ...problems(...codesOfGroups('json', 'json-body'), ...WEBHOOK_ERRORS.create),
        },
      },
    },
    async (request, reply) => {
      const webhook = await webhooksOf(request).create(request.body);
      return reply
        .code(201)
        .headers({ location: `/v1/webhooks/${webhook.id}`, 'cache-control': 'no-store' })
        .send(webhook);
    },
  );

  app.get(
    '/v1/webhooks',
    {
      schema: {
        operationId: 'listWebhooks',
        tags: ['webhooks'],
        summary: 'List webhooks, the oldest first',
        response: {
          200: response('The webhooks, without their secrets', reference(WebhookList)),
        },
      },
    },
    async (request, reply) =>
      reply.header('cache-control', 'no-store').send(singlePage(await webhooksOf(request).list())),
  );

  app.get(
    '/v1/webhooks/:id',
    {
      schema: {
        operationId: 'getWebhook',
        tags: ['webhooks'],
        summary: 'Get a webhook',
        params: WebhookPath,
        response: {
          200: response('The webhook, without its secret', reference(WebhookRecord)),
          ...problems(...WEBHOOK_ERRORS.get),
        },
      },
    },
    async (request, reply) =>
      reply.header('cache-control', 'no-store').send(await webhooksOf(request).get(request.params.id)),
  );

  app.patch(
    '/v1/webhooks/:id',
    {
      config: { accepts: 'application/json' },
      schema: {
        operationId: 'updateWebhook',
        tags: ['webhooks'],
        summary: 'Change a webhook',
        description:
          'The change applies to all requests that are sent from now on, including those of pending ' +
          'deliveries. `enabled: true` also enables a webhook whose receiver answered 410.',
        params: WebhookPath,
        body: reference(WebhookChange),
        response: {
          200: response('The changed webhook', reference(WebhookRecord)),
          ...problems(...codesOfGroups('json', 'json-body'), ...WEBHOOK_ERRORS.change),
        },
      },
    },
    async (request, reply) => reply.send(await webhooksOf(request).change(request.params.id, request.body)),
  );

  app.delete(
    '/v1/webhooks/:id',
    {
      schema: {
        operationId: 'deleteWebhook',
        tags: ['webhooks'],
        summary: 'Delete a webhook and its deliveries',
        params: WebhookPath,
        response: {
          204: REMOVED,
          ...problems(...DELIVERY_ERRORS.removeWebhook),
        },
      },
    },
    async (request, reply) => {
      const { deliveryStore, tenant } = workspaceOf(request);
      const deliveries = new DeliveryService(deliveryStore, tenant, webhooksOf(request), parts.queue);
      await deliveries.removeWebhook(request.params.id);
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/v1/webhooks/:id/rotate-secret',
    {
      config: { accepts: ['application/json', ''], idempotency: 'secret' },
      preValidation: async (request: { body: unknown }) => {
        // The body may be absent, but null would not fit the schema.
        if (request.body === undefined) request.body = {};
      },
      schema: {
        operationId: 'rotateWebhookSecret',
        tags: ['webhooks'],
        summary: 'Rotate the secret of a webhook',
        description:
          'The body may be absent. The previous secret also signs for a grace period: requests then have two ' +
          'signatures, and a receiver accepts either. A second rotation ends the grace period of the first: there ' +
          'are never three signatures.',
        params: WebhookPath,
        body: reference(SecretRotation),
        response: {
          200: response('The new secret, which is shown only this once', reference(RotatedSecret)),
          ...problems(...codesOfGroups('json', 'json-body'), ...WEBHOOK_ERRORS.rotate),
        },
      },
    },
    async (request, reply) => {
      const rotated = await webhooksOf(request).rotate(request.params.id, request.body);
      return reply.header('cache-control', 'no-store').send(rotated);
    },
  );
};
