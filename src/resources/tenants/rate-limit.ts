import fastifyRateLimit, { type RateLimitPluginOptions } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors/app-error.ts';
import { API_PREFIX, principalOf } from '../../http/principal.ts';
import { withHook } from '../../http/with-hook.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { TenantQuotas } from './quotas.ts';
import type { RateCounter } from './rate-counter.ts';
import { rateStore } from './rate-store.ts';

const WINDOW_SECONDS = 60;

export interface RateLimitOptions {
  readonly quotas: TenantQuotas;
  readonly metrics: Pick<Metrics, 'accessRefused'>;
  /** undefined: nothing is counted, so nothing is limited. */
  readonly counter: RateCounter | undefined;
}

/**
 * Requests to the API in a minute, by all keys of a tenant together, where the tenant has a quota: others are not
 * counted. All processes count in the same Redis; while that is away nobody is refused. Headers as in
 * draft-ietf-httpapi-ratelimit-headers.
 */
export const rateLimit = fp(async (app: FastifyInstance, { quotas, counter, metrics }: RateLimitOptions) => {
  if (!counter) return;
  const limitOf = (request: FastifyRequest): number | null | undefined =>
    quotas.known(principalOf(request).tenant)?.requests_per_minute;

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
      throw new AppError('QUOTA_TOO_SMALL', 'The tenant may send no requests at all.', {
        limit: 0,
        wanted: 1,
      });
    }
    const counted = await count(request);
    // No time is left of a window that could not be looked at.
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
      `The tenant may send ${max} requests a minute; the next one in ${ttlInSeconds} s.`,
      { limit: max, window_seconds: WINDOW_SECONDS, retry_after_seconds: ttlInSeconds },
    );
  }

  function onRequest(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) {
    const { principal } = request;
    if (!principal) return done();
    const known = quotas.known(principal.tenant);
    if (known && (known.requests_per_minute ?? null) === null) return done();
    // A tenant that cannot be looked up is not held up: what the request wants of the storage will say so.
    const looked = known ? Promise.resolve() : quotas.of(principal.tenant).catch(() => undefined);
    looked
      .then(() => ((limitOf(request) ?? null) === null ? undefined : limit(request, reply)))
      .then(() => done(), done);
  }

  app.addHook('onRoute', (route: RouteOptions) => {
    if (route.url.startsWith(API_PREFIX)) withHook(route, 'onRequest', onRequest);
  });
});
