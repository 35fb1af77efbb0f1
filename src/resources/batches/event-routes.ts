import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { BatchEventData } from '../../contract/batch-result.ts';
import { eventHeaders, type OpenStreams, type StreamTimes, sseStream } from '../../http/event-streams.ts';
import { onceClosed } from '../../http/once-closed.ts';
import { asComponent, problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { BatchPath } from './batch-responses.ts';
import { BATCH_ERRORS } from './service.ts';
import { END_ID, itemsReceived, watchBatch } from './watch-batch.ts';

export interface BatchEventRoutesOptions {
  readonly streams: OpenStreams;
  readonly times: StreamTimes;
}

const EventHeaders = eventHeaders('153');

/** GET /v1/batches/{id}/events. */
export const batchEventRoutes: FastifyPluginAsyncTypebox<BatchEventRoutesOptions> = async (
  app,
  { streams, times },
) => {
  app.addSchema(asComponent(BatchEventData));

  app.get(
    '/v1/batches/:id/events',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'streamBatchEvents',
        tags: ['batches'],
        summary: 'Watch a batch: Server-Sent Events until it has ended',
        description:
          'Events are `item` (`data` is an item that has ended; each is sent once, including items that ended ' +
          'earlier) and `state` (`data` is the batch, whenever its counts have changed). The stream ends after the ' +
          'batch has ended. With `Last-Event-ID` it continues after that event, even at another process of the ' +
          'service and days later; after the last event the response is 204, which stops browsers from reconnecting. ' +
          'A comment every 15 s keeps the connection alive. Streams end after an hour; clients reconnect ' +
          'automatically.',
        params: BatchPath,
        headers: EventHeaders,
        response: {
          200: response('The events; the schema is that of their `data`', reference(BatchEventData), {
            mediaType: 'text/event-stream',
          }),
          204: Type.Null({ description: 'The batch has ended, and the client has its last event' }),
          ...problems(...BATCH_ERRORS.get, 'TOO_MANY_STREAMS'),
        },
      },
    },
    async (request, reply) => {
      const { batches, batchResults: results, eventTail: tail, tenant } = workspaceOf(request);
      const lastEventId = request.headers['last-event-id'];
      const { id: batchId, finished_at } = await batches.get(request.params.id);
      reply.headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
      if (lastEventId === END_ID && finished_at !== null) return reply.code(204).send(null);
      const { signal, close } = streams.add(tenant);
      onceClosed(reply, close);
      const received = itemsReceived(lastEventId);
      const watch = { batchId, tenant, batches, results, tail, received, signal, ...times };
      return reply
        .header('content-type', 'text/event-stream; charset=utf-8')
        .send(sseStream(watchBatch(watch)));
    },
  );
};
