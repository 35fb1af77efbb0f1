import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { onBehalfOf } from '../../tracing/origin.ts';
import { traceContextOf, traceIdOf } from '../../tracing/trace-context.ts';
import type { Tracing } from '../../tracing/tracing.ts';
import { logTraceId } from './request-log.ts';
import { routeOf } from './route-of.ts';

/** Machines ask these every few seconds; a trace of each would bury the others. */
const UNTRACED = new Set(['/livez', '/readyz', '/metrics']);

/**
 * A span for each request, in the trace of the client where it sent one (W3C traceparent). What the request does is
 * done on its behalf: jobs it submits carry its id and its trace.
 */
export const tracing = fp(async (app: FastifyInstance, { tracing }: { tracing: Tracing }) => {
  app.addHook('onRequest', (request, reply, done) => {
    const route = routeOf(request);
    const { traceparent, tracestate } = request.headers;
    const parent = traceContextOf(traceparent, tracestate);
    const span = UNTRACED.has(route)
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
    // Fastify keeps to it while it reads the body.
    onBehalfOf({ requestId: request.id, ...(context && { context }) }, done);
  });
});
