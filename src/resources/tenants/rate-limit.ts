import fastifyRateLimit, { type RateLimitPluginOptions } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors/app-error.ts';
import { API_PREFIX, principalOf } from '../../http/principal.ts';
import { withHook } from '../../http/with-hook.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { TenantLimits } from './limits.ts';

const WINDOW_SECONDS = 60;
/** After a failure the counter is not asked for this long, because it may hang. */
const PAUSE_MS = 1_000;

/** Counts requests in windows of time, for all processes together. */
export interface RateCounter {
  /**
   * Counts one request. A window begins with its first request and ends `windowMs` later.
   * @returns the number of requests in this window, including this one, and the milliseconds until it ends
   * @throws AppError QUEUE_UNAVAILABLE
   */
  count(key: string, windowMs: number): Promise<{ readonly current: number; readonly resetMs: number }>;
}

export interface RateLimitOptions {
  readonly limits: TenantLimits;
  readonly metrics: Pick<Metrics, 'accessRefused'>;
  /** undefined: nothing is counted, so nothing is limited. */
  readonly counter: RateCounter | undefined;
}

/**
 * Limits the requests to the API per minute, for all keys of a tenant together. Tenants without a limit are not
 * counted. All processes count in the same Redis; while it is unavailable, no request is refused. The headers follow
 * draft-ietf-httpapi-ratelimit-headers.
 */
export const rateLimit = fp(async (app: FastifyInstance, { limits, counter, metrics }: RateLimitOptions) => {
  if (!counter) return;
  const limitOf = (request: FastifyRequest): number | null | undefined =>
    limits.cachedLimits(principalOf(request).tenant)?.requests_per_minute;

  await app.register(fastifyRateLimit, {
    global: false,
    store: rateStore(counter) as NonNullable<RateLimitPluginOptions['store']>,
  });
  const count = app.createRateLimit({
    timeWindow: WINDOW_SECONDS * 1000,
    max: (request) => limitOf(request) ?? Number.POSITIVE_INFINITY,
    keyGenerator: (request) => principalOf(request).tenant,
    skipOnError: true,
  });

  async function limit(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (limitOf(request) === 0) {
      metrics.accessRefused('rate');
      throw new AppError(
        'QUOTA_TOO_SMALL',
        'The limit of the tenant is 0 requests per minute, so it cannot send any.',
        {
          limit: 0,
          wanted: 1,
        },
      );
    }
    const counted = await count(request);
    // If the counter could not be read, its window has no time left.
    if (counted.isAllowed || counted.ttl === 0) return;
    const { max, remaining, ttlInSeconds } = counted;
    reply
      .header('ratelimit-policy', `"requests";q=${max};w=${WINDOW_SECONDS}`)
      .header('ratelimit', `"requests";r=${remaining};t=${ttlInSeconds}`);
    if (!counted.isExceeded) return;
    metrics.accessRefused('rate');
    reply.header('retry-after', ttlInSeconds);
    throw new AppError(
      'RATE_LIMITED',
      `The limit of the tenant is ${max} requests per minute; send the next one in ${ttlInSeconds} s.`,
      { limit: max, window_seconds: WINDOW_SECONDS, retry_after_seconds: ttlInSeconds },
    );
  }

  function onRequest(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) {
    const { principal } = request;
    if (!principal) return done();
    const known = limits.cachedLimits(principal.tenant);
    if (known && (known.requests_per_minute ?? null) === null) return done();
    // If the tenant cannot be looked up, the request goes on: its own use of the database will report the failure.
    const lookup = known ? Promise.resolve() : limits.of(principal.tenant).catch(() => undefined);
    lookup
      .then(() => ((limitOf(request) ?? null) === null ? undefined : limit(request, reply)))
      .then(() => done(), done);
  }

  app.addHook('onRoute', (route: RouteOptions) => {
    if (route.url.startsWith(API_PREFIX)) withHook(route, 'onRequest', onRequest);
  });
});

type Done = (error: Error | null, result?: { current: number; ttl: number }) => void;

/** The counter as a class, which @fastify/rate-limit requires of a store: https://github.com/fastify/fastify-rate-limit#custom-store-example-usage */
function rateStore(counter: RateCounter) {
  let pausedUntilMs = 0;
  return class {
    incr(key: string, done: Done, windowMs: number) {
      if (performance.now() < pausedUntilMs) return done(new Error('the counter failed a moment ago'));
      counter.count(key, windowMs).then(
        ({ current, resetMs }) => done(null, { current, ttl: resetMs }),
        (error: Error) => {
          pausedUntilMs = performance.now() + PAUSE_MS;
          done(error);
        },
      );
    }

    child(): this {
      return this;
    }
  };
}
