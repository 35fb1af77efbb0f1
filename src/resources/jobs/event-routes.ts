import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { JobEventData, JobProgress } from '../../contract/job.ts';
import {
  eventHeaders,
  type OpenStreams,
  type SseMessage,
  type StreamTimes,
  sseStream,
} from '../../http/event-streams.ts';
import { onceClosed } from '../../http/once-closed.ts';
import { asComponent, JobPath, problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { isEnd, parseEventId } from './events/event-position.ts';
import { HEARTBEAT, type JobWatch, watchJob } from './events/watch-job.ts';
import { jobProgressExample } from './examples.ts';
import { JOB_ERRORS } from './service.ts';
import { isFinal } from './store.ts';

export interface JobEventRoutesOptions {
  readonly streams: OpenStreams;
  readonly times: StreamTimes;
}

const EventHeaders = eventHeaders('1.3.120');

/** GET /v1/jobs/{id}/events. */
export const jobEventRoutes: FastifyPluginAsyncTypebox<JobEventRoutesOptions> = async (
  app,
  { streams, times },
) => {
  app.addSchema({ ...asComponent(JobProgress), examples: [jobProgressExample] });
  app.addSchema(asComponent(JobEventData));

  app.get(
    '/v1/jobs/:id/events',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'streamJobEvents',
        tags: ['jobs'],
        summary: 'Watch a job: Server-Sent Events until it has ended',
        description:
          'Events are `state` (`data` is the job: queued, active, and its final state) and `progress` (`data` is a ' +
          '`JobProgress`). The stream ends after the final state. With `Last-Event-ID` it continues after that ' +
          'event, even at another process of the service; after the final event the response is 204, which stops ' +
          'browsers from reconnecting. A comment every 15 s keeps the connection alive. Streams end after an hour; ' +
          'clients reconnect automatically.',
        params: JobPath,
        headers: EventHeaders,
        response: {
          200: response('The events; the schema is that of their `data`', reference(JobEventData), {
            mediaType: 'text/event-stream',
          }),
          204: Type.Null({ description: 'The job has ended, and the client has its last event' }),
          ...problems(...JOB_ERRORS.get, 'TOO_MANY_STREAMS'),
        },
      },
    },
    async (request, reply) => {
      const { jobs, tenant } = workspaceOf(request);
      const last = parseEventId(request.headers['last-event-id']);
      const first = await jobs.get(request.params.id);
      reply.headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
      if (last && isEnd(last) && isFinal(first)) return reply.code(204).send(null);
      const { signal, close } = streams.add(tenant);
      onceClosed(reply, close);
      const watch: JobWatch = { jobs, signal, ...times };
      return reply
        .header('content-type', 'text/event-stream; charset=utf-8')
        .send(sseStream(messages(watchJob(first, last, watch))));
    },
  );
};

async function* messages(
  events: ReturnType<typeof watchJob>,
): AsyncGenerator<SseMessage | undefined, void, undefined> {
  for await (const placed of events) {
    if (placed === HEARTBEAT) yield undefined;
    else yield { ...placed.event, data: JSON.stringify(placed.event.data) };
  }
}
