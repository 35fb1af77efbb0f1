import type { Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import fp from 'fastify-plugin';
import type { Metrics } from '../../metrics/metrics.ts';
import { onBehalfOf } from '../../tracing/origin.ts';
import { parseTraceContext, traceIdOf } from '../../tracing/trace-context.ts';
import type { Tracing } from '../../tracing/tracing.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The name of the route in metrics, log lines and traces, if it differs from its pattern. */
    shownAs?: string;
  }
}

/** Routes that machines request every few seconds: their log lines and traces would bury all others. */
const FREQUENT = new Set(['/livez', '/readyz', '/metrics']);

/** The field with a request's id in log lines, including those of the processes that run its jobs. */
const REQUEST_ID = 'requestId';

const traceIds = new WeakMap<FastifyRequest, string>();

/** The number of bytes that a connection had received when its last request ended; the next request begins there. */
const receivedBefore = new WeakMap<Socket, number>();

/** Bytes that a connection has received since its last request. */
function receivedSince(socket: Socket | undefined): number {
  if (!socket) return 0;
  const bytes = socket.bytesRead - (receivedBefore.get(socket) ?? 0);
  receivedBefore.set(socket, socket.bytesRead);
  return bytes;
}

/** Adds the id of the trace to all further log lines of a request. */
function logTraceId(request: FastifyRequest, reply: FastifyReply, traceId: string): void {
  traceIds.set(request, traceId);
  request.log = request.log.child({ traceId });
  reply.log = request.log;
}

/**
 * Logs one line for each request when its connection is done with it, even if the client gave up or no route was
 * found. The line has the pattern of the route; URLs, headers and bodies are not logged.
 */
export class RequestLog extends LogController {
  constructor() {
    super({ requestIdLogLabel: REQUEST_ID });
  }

  override incomingRequest(request: FastifyRequest, reply: FastifyReply): void {
    const startedMs = performance.now();
    const { socket } = request.raw;
    const sentBefore = socket?.bytesWritten ?? 0;
    reply.raw.once('close', () => {
      const route = routeOf(request);
      const traceId = traceIds.get(request);
      const { principal, actingFor } = request;
      // Not request.log, because a route may have a log level of its own.
      request.server.log[FREQUENT.has(route) ? 'debug' : 'info'](
        {
          [REQUEST_ID]: request.id,
          ...(traceId && { traceId }),
          ...(principal && { tenant: actingFor ?? principal.tenant, keyId: principal.keyId ?? undefined }),
          method: request.method,
          route,
          status: reply.raw.statusCode,
          ms: Math.round((performance.now() - startedMs) * 10) / 10,
          // The bytes that were sent on the connection, including headers.
          bytes: (socket?.bytesWritten ?? 0) - sentBefore,
          bytesReceived: receivedSince(socket),
          ...(!reply.raw.writableFinished && { aborted: true }),
        },
        'request',
      );
    });
  }

  override requestCompleted(): void {
    // The log line above is sufficient, and problems have a line of their own.
  }
}

/**
 * The pattern of a request's route. All URLs without a route share one word, because there is no limit to their
 * number.
 */
const routeOf = (request: FastifyRequest): string =>
  request.is404
    ? 'unknown'
    : (request.routeOptions?.config.shownAs ?? request.routeOptions?.url ?? 'unknown');

/** Measures the duration of every response, by the pattern of its route. */
export const httpMetrics = fp(async (app: FastifyInstance, { metrics }: { metrics: Metrics }) => {
  app.addHook('onResponse', (request, reply, done) => {
    metrics.httpObserved({
      method: request.method,
      route: routeOf(request),
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
    done();
  });
});

/**
 * Creates a span for each request, within the trace of the client if it sent one (W3C traceparent). Jobs that the
 * request submits carry its id and its trace.
 */
export const tracing = fp(async (app: FastifyInstance, { tracing }: { tracing: Tracing }) => {
  app.addHook('onRequest', (request, reply, done) => {
    const route = routeOf(request);
    const { traceparent, tracestate } = request.headers;
    const parent = parseTraceContext(traceparent, tracestate);
    const span = FREQUENT.has(route)
      ? undefined
      : tracing.start(route === 'unknown' ? request.method : `${request.method} ${route}`, 'server', {
          parent,
          attributes: {
            'http.request.method': request.method,
            'http.route': route === 'unknown' ? undefined : route,
            'url.scheme': request.protocol,
            'lora_squeeze.request.id': request.id,
          },
        });
    reply.raw.once('close', () => {
      const { statusCode, writableFinished } = reply.raw;
      span?.set({ 'http.response.status_code': statusCode });
      if (!writableFinished) span?.fail('aborted');
      else if (statusCode >= 500) span?.fail(String(statusCode));
      span?.end();
    });
    const context = span?.context;
    if (context) logTraceId(request, reply, traceIdOf(context));
    // Fastify keeps this context while it reads the body.
    onBehalfOf({ requestId: request.id, ...(context && { context }) }, done);
  });
});
