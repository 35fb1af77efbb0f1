import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { routeOf } from './route-of.ts';

/** Asked for every few seconds by machines. */
const FREQUENT = new Set(['/livez', '/readyz', '/metrics']);

/** The name of a request's id in the logs, also of the processes that run its jobs. */
const REQUEST_ID = 'requestId';

const traceIds = new WeakMap<FastifyRequest, string>();

/** Puts the id of the trace on every line of a request from here on. */
export function logTraceId(request: FastifyRequest, reply: FastifyReply, traceId: string): void {
  traceIds.set(request, traceId);
  request.log = request.log.child({ traceId });
  reply.log = request.log;
}

/**
 * One line for each request, when its connection is done with it: also for one that the client gave up, and for one
 * that no route was looked up for. The route is its pattern; URLs, headers and bodies are not logged.
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
      // Not request.log: a route may have a level of its own.
      request.server.log[FREQUENT.has(route) ? 'debug' : 'info'](
        {
          [REQUEST_ID]: request.id,
          ...(traceId && { traceId }),
          method: request.method,
          route,
          status: reply.raw.statusCode,
          ms: Math.round((performance.now() - startedMs) * 10) / 10,
          // What went over the connection, head included.
          bytes: (socket?.bytesWritten ?? 0) - sentBefore,
          ...(!reply.raw.writableFinished && { aborted: true }),
        },
        'request',
      );
    });
  }

  override requestCompleted(): void {
    // The line above says it all, and problems say what went wrong.
  }
}
