import { timingSafeEqual } from 'node:crypto';
import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { LRUCache } from 'lru-cache';
import { type KeyRecord, SCOPES, type Scope } from '../../contract/key.ts';
import { DEFAULT_TENANT } from '../../contract/tenant-id.ts';
import { AppError } from '../../errors/app-error.ts';
import { clientAddress } from '../../http/client-address.ts';
import { API_PREFIX, DEFAULT_PRINCIPAL, isAllowed, type Principal, scopeOf } from '../../http/principal.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { keyDigest } from './key-text.ts';
import type { KeyService } from './service.ts';
import type { TokenService } from './token-service.ts';

/** The span in which refused keys are counted. */
const WINDOW_MS = 60_000;
const MAX_ADDRESSES = 10_000;

export interface AuthenticationOptions {
  readonly metrics: Pick<Metrics, 'accessRefused'>;
  /** undefined: no key is required, and all records belong to the default tenant. */
  readonly keys: Pick<KeyService, 'verify' | 'verifyRemembered'> | undefined;
  /** Tokens of an identity provider, besides keys; undefined: none are accepted. */
  readonly tokens?: Pick<TokenService, 'isToken' | 'verify' | 'verifyRemembered'> | undefined;
  /** Called with the tenant of a request that is admitted. */
  readonly onAdmitted: (request: FastifyRequest, tenant: string) => void;
  /** The current key from the configuration that has all scopes, for setting up a deployment. */
  readonly adminKey?: (() => string | undefined) | undefined;
  /** Refused keys and tokens from one address within a minute before the response is 429; default 100. */
  readonly failedKeysPerMinute?: number | undefined;
}

const BEARER = /^bearer +(\S+) *$/i;

const DEFAULT_FAILED_KEYS_PER_MINUTE = 100;

const ADMINISTRATOR: Principal = { tenant: DEFAULT_TENANT, keyId: 'key_configured', scopes: SCOPES };

/** Identifies the caller of every request to the API, and refuses requests that the caller may not make. */
export const authentication = fp(async (app: FastifyInstance, options: AuthenticationOptions) => {
  const { keys, tokens, metrics, adminKey, onAdmitted } = options;
  const failed = new FailedKeys(options.failedKeysPerMinute ?? DEFAULT_FAILED_KEYS_PER_MINUTE);
  app.decorateRequest('principal', null);

  /** Synchronous if possible: answers of the database are cached for a few seconds. */
  function identify(authorization: string | undefined): Principal | Promise<Principal | AppError> | AppError {
    if (!keys) return DEFAULT_PRINCIPAL;
    if (authorization === undefined) return missing();
    const key = BEARER.exec(authorization)?.[1];
    if (key === undefined) return invalid('The Authorization header must be "Bearer" followed by a key.');
    const remembered = keys.verifyRemembered(key);
    if (remembered) return principalWith(remembered);
    // Digests have the same length whatever was sent, so comparing them always takes the same time.
    const administrators = adminKey?.();
    if (administrators !== undefined && timingSafeEqual(keyDigest(key), keyDigest(administrators)))
      return ADMINISTRATOR;
    if (tokens?.isToken(key)) return tokens.verifyRemembered(key) ?? tokens.verify(key).catch(refused);
    return remembered === null ? principalWith(null) : keys.verify(key).then(principalWith);
  }

  /** @returns the reason for refusing the request; undefined if it is admitted */
  function admit(
    found: Principal | AppError,
    request: FastifyRequest,
    reply: FastifyReply,
  ): AppError | undefined {
    if (found instanceof AppError) return refusal(found, request, reply);
    // Set before the scope is checked, so that the audit log also names the callers of refused requests.
    request.principal = found;
    if (!keys && request.routeOptions.config.needsKeys) return administrationClosed();
    const needed = scopeOf(request.method, request.routeOptions.config.scope);
    if (!isAllowed(found, needed)) return refusal(lacking(needed, found), request, reply);
    onAdmitted(request, found.tenant);
    return undefined;
  }

  function refusal(error: AppError, request: FastifyRequest, reply: FastifyReply): AppError {
    if (error.code === 'KEY_MISSING') metrics.accessRefused('missing');
    if (error.code === 'SCOPE_MISSING') metrics.accessRefused('scope');
    if (error.code === 'TOKEN_TENANT_UNKNOWN') metrics.accessRefused('tenant');
    if (error.code !== 'KEY_INVALID' && error.code !== 'TOKEN_INVALID') return error;
    const seconds = failed.count(clientAddress(request));
    metrics.accessRefused(seconds > 0 ? 'too_many' : 'invalid');
    if (seconds === 0) return error;
    reply.header('retry-after', seconds);
    return new AppError(
      'RATE_LIMITED',
      'Too many invalid keys or tokens came from this address; a valid one is still accepted.',
      { retry_after_seconds: seconds },
    );
  }

  app.addHook('onRequest', (request, reply, done) => {
    const { url, config } = request.routeOptions;
    if (request.is404 || !url?.startsWith(API_PREFIX) || config.scope === null) return done();

    const found = identify(request.headers.authorization);
    if (!(found instanceof Promise)) return done(admit(found, request, reply));
    found.then((later) => admit(later, request, reply)).then(done, done);
  });
});

const principals = new WeakMap<KeyRecord, Principal>();

/** The same object for a record as long as the record is cached. */
function principalWith(record: KeyRecord | null | undefined): Principal | AppError {
  if (!record) return invalid('The key is unknown, was revoked, or has expired.');
  let principal = principals.get(record);
  if (!principal) {
    const { tenant, id: keyId, scopes, max_priority: maxPriority } = record;
    principal = { tenant, keyId, scopes, ...(maxPriority && { maxPriority }) };
    principals.set(record, principal);
  }
  return principal;
}

/** Converts an AppError to a result; anything else is thrown again. */
function refused(error: unknown): AppError {
  if (error instanceof AppError) return error;
  throw error;
}

const missing = (): AppError =>
  new AppError(
    'KEY_MISSING',
    'This service requires a key. Send it in the header "Authorization: Bearer lsq_…".',
  );

const invalid = (message: string): AppError => new AppError('KEY_INVALID', message);

const administrationClosed = (): AppError =>
  new AppError(
    'ADMINISTRATION_CLOSED',
    'Keys and tenants cannot be managed over REST while callers need no key (AUTH=open). Create keys with the ' +
      'command `node dist/cli/main.js keys create`, or start the service with AUTH=keys and an ADMIN_KEY.',
  );

const lacking = (needed: Scope, { scopes }: Principal): AppError =>
  new AppError(
    'SCOPE_MISSING',
    `This needs a key or token with the scope "${needed}"; the one sent has ` +
      `${scopes.length === 0 ? 'no scope' : scopes.map((scope) => `"${scope}"`).join(', ')}.`,
    { needed, scopes },
  );

/**
 * Counts refused keys by the address of the client, per minute and in this process only. A key has 192 bits and
 * cannot be guessed; the limit is against attempts to guess, and against clients that keep using a revoked key.
 */
class FailedKeys {
  private readonly maximum: number;
  private readonly counts = new LRUCache<string, { failures: number; readonly endMs: number }>({
    max: MAX_ADDRESSES,
    ttl: WINDOW_MS,
  });

  /** @param maximum failures of an address that are allowed within a minute */
  constructor(maximum: number) {
    this.maximum = maximum;
  }

  /**
   * Counts a failure.
   * @param address an IPv6 address counts together with the 2⁶⁴ addresses of its network
   * @returns the seconds to wait; 0 if there were not too many failures
   */
  count(address: string): number {
    const key = normalizeIP(address);
    const nowMs = performance.now();
    let seen = this.counts.get(key);
    if (!seen || seen.endMs <= nowMs) seen = { failures: 0, endMs: nowMs + WINDOW_MS };
    seen.failures++;
    if (seen.failures === 1) this.counts.set(key, seen);
    return seen.failures > this.maximum ? Math.ceil((seen.endMs - nowMs) / 1000) : 0;
  }
}
