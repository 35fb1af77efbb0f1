import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { EventQuery, ProgressEvent, StreamEventData, StreamNotice } from '../../contract/event.ts';
import { parseLabelFilter } from '../../database/lists/label-filter.ts';
import { eventHeaders, type OpenStreams, type StreamTimes, sseStream } from '../../http/event-streams.ts';
import { onceClosed } from '../../http/once-closed.ts';
import { asComponent, problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { progressEventExample, streamNoticeExample } from './examples.ts';
import { findStreamStart, watchEvents } from './watch-events.ts';

export interface EventRoutesOptions {
  readonly streams: OpenStreams;
  readonly times: StreamTimes;
}

const EventHeaders = eventHeaders('1795557063480000');

/** Query values are text: parameters that may be repeated become lists before the schema checks them. */
async function readEventQuery({ query }: { query: unknown }): Promise<void> {
  const parameters = query as Record<string, unknown>;
  if (typeof parameters.label === 'string') parameters.label = [parameters.label];
  if (parameters.types !== undefined)
    parameters.types = [parameters.types].flat().flatMap((types) => String(types).split(','));
}

/** GET /v1/events. */
export const eventRoutes: FastifyPluginAsyncTypebox<EventRoutesOptions> = async (app, { streams, times }) => {
  app.addSchema({ ...asComponent(ProgressEvent), examples: [progressEventExample] });
  app.addSchema({ ...asComponent(StreamNotice), examples: [streamNoticeExample] });
  app.addSchema(asComponent(StreamEventData));

  app.get(
    '/v1/events',
    {
      exposeHeadRoute: false,
      preValidation: readEventQuery,
      schema: {
        operationId: 'streamEvents',
        tags: ['events'],
        summary: 'Watch all jobs and batches: Server-Sent Events',
        description:
          '`job.*` and `batch.ended` have as `data` exactly the payload that webhooks receive. `job.progress` is sent ' +
          'at most once per second for each running job. A stream starts with `stream.open` and has all later ' +
          'events in order. With `Last-Event-ID` it continues after that event, even at another process of the ' +
          'service and after a restart. Unless the operator changed it, events are kept for a day, and the newest ' +
          '50,000 of each tenant; if some are missing, `stream.gap` comes first. Streams end after an hour.',
        querystring: EventQuery,
        headers: EventHeaders,
        response: {
          200: response('The events; the schema is that of their `data`', reference(StreamEventData), {
            mediaType: 'text/event-stream',
          }),
          ...problems('VALIDATION_FAILED', 'UNKNOWN_OPTION', 'TOO_MANY_STREAMS'),
        },
      },
    },
    async (request, reply) => {
      const { eventStore: store, eventTail: tail, tenant } = workspaceOf(request);
      const { types, job_id: jobId, batch_id: batchId, label } = request.query;
      const lastEventId = request.headers['last-event-id'];
      const beginning = await findStreamStart(store, lastEventId);
      const { signal, close } = streams.add(tenant);
      onceClosed(reply, close);
      const filter = { types, jobId, batchId, labels: label?.map(parseLabelFilter) };
      const { heartbeatMs, lifeMs } = times;
      const watch = { tenant, store, tail, filter, lastEventId, signal, heartbeatMs, lifeMs };
      return reply
        .headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
        .header('content-type', 'text/event-stream; charset=utf-8')
        .send(sseStream(watchEvents(beginning, watch)));
    },
  );
};
