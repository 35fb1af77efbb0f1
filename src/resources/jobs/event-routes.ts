import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { JobEvent, JobProgress } from '../../contract/job.ts';
import { OpenStreams, type SseMessage, sseStream } from '../../http/event-streams.ts';
import { asComponent, JobPath, problems, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { isEnd, positionOf } from './events/event-position.ts';
import { BEAT, type JobWatch, watchJob } from './events/watch-job.ts';
import { jobEventExamples, jobProgressExample } from './examples.ts';
import { JOB_ERRORS } from './service.ts';
import { isFinal } from './store.ts';

export interface EventStreamOptions {
  /** Streams that one tenant may have open at this process. */
  readonly perTenant: number;
  readonly perProcess: number;
  readonly heartbeatMs: number;
  readonly pollMs: number;
  readonly lifeMs: number;
}

export interface JobEventRoutesOptions {
  readonly streams: Partial<EventStreamOptions> | undefined;
  /** Connections that the process may have. */
  readonly maxConnections: number | undefined;
}

const PER_TENANT = 100;
/** And no more than half of its connections: the others are for everybody else. */
const PER_PROCESS = 1_000;
const HEARTBEAT_MS = 15_000;
const POLL_MS = 2_000;
/** A client comes back with the id of its last event then, and with its key, which may not hold any more. */
const LIFE_MS = 3_600_000;

const EventHeaders = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({
      description: 'Id of the last event that came; browsers send it by themselves',
      examples: ['1.3.120'],
    }),
  ),
});

/** Text with events in it; OpenAPI 3.1 has no other word for what they hold. */
const EVENTS = Type.Unsafe<string>({ type: 'string', contentSchema: reference(JobEvent) });

/** GET /v1/jobs/{id}/events. */
export const jobEventRoutes: FastifyPluginAsyncTypebox<JobEventRoutesOptions> = async (
  app,
  { streams: options = {}, maxConnections = PER_PROCESS * 2 },
) => {
  const {
    perTenant = PER_TENANT,
    perProcess = Math.min(PER_PROCESS, Math.floor(maxConnections / 2)),
    heartbeatMs = HEARTBEAT_MS,
    pollMs = POLL_MS,
    lifeMs = LIFE_MS,
  } = options;
  const streams = new OpenStreams({ perTenant, perProcess });
  app.addSchema({ ...asComponent(JobProgress), examples: [jobProgressExample] });
  app.addSchema({ ...asComponent(JobEvent), examples: jobEventExamples });
  // Before the service waits for connections that are not idle.
  app.addHook('preClose', async () => streams.end());

  app.get(
    '/v1/jobs/:id/events',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'streamJobEvents',
        tags: ['jobs'],
        summary: 'Watch a job: Server-Sent Events until it has ended',
        description:
          'Events are a `JobEvent` each: `state` (`data` is the job: queued, active, and its end) and `progress` (`data` is ' +
          'a `JobProgress`). The stream ends after the final state. With `Last-Event-ID` it goes on after that event, also ' +
          'at another process of the service; after the final one the answer is 204, which tells a browser to stop. A ' +
          'comment every 15 s shows that the connection lives. Streams end after an hour; clients come back by themselves.',
        params: JobPath,
        headers: EventHeaders,
        response: {
          200: response('The events', EVENTS, { mediaType: 'text/event-stream' }),
          204: Type.Null({ description: 'The job has ended, and the client knows' }),
          ...problems(...JOB_ERRORS.get, 'TOO_MANY_STREAMS'),
        },
      },
    },
    async (request, reply) => {
      const { jobs, tenant } = workspaceOf(request);
      const last = positionOf(request.headers['last-event-id']);
      const first = await jobs.get(request.params.id);
      reply.headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
      if (last && isEnd(last) && isFinal(first)) return reply.code(204).send(null);
      const { signal, close } = streams.add(tenant);
      reply.raw.once('close', close);
      const watch: JobWatch = { jobs, signal, pollMs, heartbeatMs, lifeMs };
      return reply
        .header('content-type', 'text/event-stream; charset=utf-8')
        .send(sseStream(messages(watchJob(first, last, watch))));
    },
  );
};

async function* messages(
  events: ReturnType<typeof watchJob>,
): AsyncGenerator<SseMessage | undefined, void, undefined> {
  for await (const placed of events) yield placed === BEAT ? undefined : placed.event;
}
