import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { InFlight, type InFlightBounds, RequestInFlight } from '../in-flight.ts';
import { onceClosed } from '../once-closed.ts';
import { principalOf } from '../principal.ts';
import { withHook } from '../with-hook.ts';
import { mayCreateWork } from './refuse-new-work.ts';
import { hasBody, isUpload } from './request-bodies.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What this request counts for as in flight; null if it does not count. */
    inFlight: RequestInFlight | null;
  }
}

export interface AdmissionOptions extends InFlightBounds {
  readonly metrics: Pick<Metrics, 'accessRefused' | 'resources'>;
}

const SHED: Readonly<Partial<Record<ErrorCode, Parameters<Metrics['accessRefused']>[0]>>> = {
  SERVICE_OVERLOADED: 'in_flight',
  QUEUE_TOO_OLD: 'queue_age',
};

/**
 * Answers new work with 503, before its body is read, while the process handles as many requests as it may. Accepted
 * requests are thus answered soon, and memory stays bounded. Reading, cancelling and probes are never refused. A JSON
 * body counts by its bytes until it is complete, and only then as a request, so slow clients do not keep others out.
 */
export const admission = fp(async (app: FastifyInstance, { metrics, ...bounds }: AdmissionOptions) => {
  const all = new InFlight(bounds);
  metrics.resources.watchInFlight(() => all.counts);
  app.decorateRequest('inFlight', null);

  app.addHook('onRoute', (route: RouteOptions) => {
    if (!mayCreateWork(route)) return;
    withHook(route, 'onRequest', enter);
    withHook(route, 'preValidation', begin);
    withHook(route, 'onResponse', count);
  });

  async function enter(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { tenant } = principalOf(request);
    const one = new RequestInFlight(all, tenant);
    if (isUpload(request)) one.acquire('uploads');
    else {
      all.check(tenant);
      if (hasBody(request)) one.acquire('bytes', bodyBytes(request));
    }
    request.inFlight = one;
    onceClosed(reply, () => one.releaseAll());
  }

  async function begin(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (!isUpload(request) && !reply.raw.closed) request.inFlight?.acquire('requests');
  }

  async function count(_request: FastifyRequest, reply: { problemCode: ErrorCode | null }): Promise<void> {
    const reason = reply.problemCode && SHED[reply.problemCode];
    if (reason) metrics.accessRefused(reason);
  }
});

/** The announced number of bytes, or else the largest possible one. */
function bodyBytes({ headers, routeOptions }: FastifyRequest): number {
  const maximum = routeOptions.bodyLimit ?? 0;
  const announced = headers['content-length'];
  // A larger body is refused unread.
  return announced === undefined ? maximum : Math.min(maximum, Number(announced));
}
