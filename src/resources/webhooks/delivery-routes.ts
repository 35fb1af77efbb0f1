import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { DeliveryListQuery } from '../../contract/list.ts';
import { DeliveryId, DeliveryList, DeliveryRecord, WebhookId } from '../../contract/webhook.ts';
import { LINK, pageRequestOf, readListQuery, sendPage, singlePage } from '../../http/paging.ts';
import { asComponent, problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { DELIVERY_ERRORS, DeliveryService } from './delivery-service.ts';
import { deliveryExample } from './examples.ts';
import { type WebhookParts, WebhookService } from './service.ts';

const WebhookPath = Type.Object({ id: WebhookId });
const DeliveryPath = Type.Object({ id: WebhookId, delivery: DeliveryId });

/** Routes for the deliveries of webhooks: their records, and repeating them. */
export const webhookDeliveryRoutes: FastifyPluginAsyncTypebox<{ parts: WebhookParts }> = async (
  app,
  { parts },
) => {
  app.addSchema({ ...asComponent(DeliveryRecord), examples: [deliveryExample] });
  app.addSchema({ ...asComponent(DeliveryList), examples: [singlePage([deliveryExample])] });

  function deliveriesOf(request: Parameters<typeof workspaceOf>[0]): DeliveryService {
    const { webhookStore, deliveryStore, tenant } = workspaceOf(request);
    return new DeliveryService(deliveryStore, tenant, new WebhookService(webhookStore, parts), parts.queue);
  }

  app.get(
    '/v1/webhooks/:id/deliveries',
    {
      preValidation: readListQuery,
      schema: {
        operationId: 'listWebhookDeliveries',
        tags: ['webhooks'],
        summary: 'List the deliveries of a webhook, the newest first',
        description:
          'Each delivery has all its attempts, with time, response and duration. Deliveries are kept for ' +
          '30 days.',
        params: WebhookPath,
        querystring: DeliveryListQuery,
        response: {
          200: response('A page of deliveries', reference(DeliveryList), { headers: LINK }),
          ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION', ...DELIVERY_ERRORS.page),
        },
      },
    },
    async (request, reply) => {
      const { state: states, ...paging } = request.query;
      const page = await deliveriesOf(request).page(request.params.id, states, pageRequestOf(paging, 'msg'));
      return sendPage(request, reply, page);
    },
  );

  app.post(
    '/v1/webhooks/:id/test',
    {
      schema: {
        operationId: 'testWebhook',
        tags: ['webhooks'],
        summary: 'Send an event of the type webhook.test',
        description:
          'A disabled webhook also sends it. The outcome appears in the deliveries of the webhook soon ' +
          'after.',
        params: WebhookPath,
        response: {
          202: response('The delivery', reference(DeliveryRecord)),
          ...problems(...DELIVERY_ERRORS.test),
        },
      },
    },
    async (request, reply) => reply.code(202).send(await deliveriesOf(request).test(request.params.id)),
  );

  app.post(
    '/v1/webhooks/:id/deliveries/:delivery/redeliver',
    {
      schema: {
        operationId: 'retryWebhookDelivery',
        tags: ['webhooks'],
        summary: 'Send a delivery again',
        description:
          'The delivery has the same `webhook-id`, so that the receiver can recognise it, and the whole ' +
          'schedule of attempts starts again. A pending delivery is sent immediately.',
        params: DeliveryPath,
        response: {
          202: response('The delivery', reference(DeliveryRecord)),
          ...problems(...DELIVERY_ERRORS.redeliver),
        },
      },
    },
    async (request, reply) => {
      const { id, delivery } = request.params;
      return reply.code(202).send(await deliveriesOf(request).redeliver(id, delivery));
    },
  );
};
