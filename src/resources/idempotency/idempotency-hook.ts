import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors/app-error.ts';
import { IDEMPOTENCY_KEY_HEADER, idempotencyKey } from '../../http/idempotency-key.ts';
import { API_PREFIX, tenantOf } from '../../http/principal.ts';
import { replayResponse, toStoredResponse } from '../../http/stored-response.ts';
import { withHook } from '../../http/with-hook.ts';
import type { ClaimStore } from './claim-store.ts';
import { canonicalJson, digestTexts } from './fingerprint.ts';
import { type Encryption, IdempotentRequest } from './idempotent-request.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The state of the request's Idempotency-Key; null if it has none, or if the key has no effect. */
    idempotent: IdempotentRequest | null;
  }
  interface FastifyContextConfig {
    /**
     * false: an Idempotency-Key has no effect here, because repeating the request is harmless. `secret`: the response
     * contains a secret, which must be encrypted when the response is stored.
     */
    idempotency?: false | 'secret';
    /** Headers that change the meaning of the request. */
    idempotencyHeaders?: readonly string[];
  }
}

export interface IdempotencyOptions {
  readonly claims: ClaimStore;
  /** Encrypts responses that contain a secret. Without it, calls with such responses refuse an Idempotency-Key. */
  readonly secrets: { readonly box: Encryption | undefined };
}

/**
 * Executes a POST with an Idempotency-Key once, however often it is sent (draft-ietf-httpapi-idempotency-key-header): all
 * of them get the response to the first. Other routes do not need this, because their methods are idempotent.
 */
export const idempotency = fp(async (app: FastifyInstance, { claims, secrets }: IdempotencyOptions) => {
  app.decorateRequest('idempotent', null);
  const isSecret = (request: FastifyRequest) => request.routeOptions.config.idempotency === 'secret';

  /** Refuses an unusable key before the body is read. */
  async function checkKey(request: FastifyRequest): Promise<void> {
    if (request.headers[IDEMPOTENCY_KEY_HEADER] === undefined) return;
    keyOf(request);
    if (isSecret(request) && !secrets.box)
      throw new AppError(
        'SECRETS_UNAVAILABLE',
        'The response contains a secret, which the service can only keep for a repeated request if SECRETS_KEYS is ' +
          'set. Set it, or send the request without an Idempotency-Key.',
      );
  }

  async function begin(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    if (request.headers[IDEMPOTENCY_KEY_HEADER] === undefined) return undefined;
    // A dry run changes nothing, and its key must remain usable for the request itself.
    if (isDryRun(request.body)) return undefined;
    const route = digestTexts([request.method, request.url]);
    // The content of a streamed body is only known later: see upload/receive-adapter.ts.
    const isStreamed = request.body === undefined && request.routeOptions.config.accepts !== undefined;
    const { idempotencyHeaders = [] } = request.routeOptions.config;
    const headerValues = idempotencyHeaders.map((name) => request.headers[name] ?? null);
    const payload = isStreamed
      ? null
      : digestTexts([canonicalJson(request.body), ...headerValues.map(canonicalJson)]);
    const idempotent = await IdempotentRequest.begin(claims, {
      tenant: tenantOf(request),
      key: keyOf(request),
      fingerprint: { route, payload },
      encryption: isSecret(request) ? secrets.box : undefined,
    });
    request.idempotent = idempotent;
    reply.raw.once('close', () => {
      // A response that was not written through Fastify cannot be stored.
      if (idempotent.isHeld && reply.raw.writableFinished) void idempotent.release();
    });
    return idempotent.replay && replayResponse(request, reply, idempotent.replay);
  }

  /** Stores the response before it is sent, so that every response that a client has received can be sent again. */
  async function end(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
    const { idempotent } = request;
    if (!idempotent?.isHeld) return payload;
    // An interrupted request has no response, and its repetition counts as the first.
    const brokeOff = request.raw.destroyed && !request.raw.complete;
    const answer = idempotent.isComplete && !brokeOff ? toStoredResponse(reply, payload) : undefined;
    await (answer ? idempotent.settle(answer) : idempotent.release());
    return payload;
  }

  app.addHook('onRoute', (route: RouteOptions) => {
    if (route.method !== 'POST' || !route.url.startsWith(API_PREFIX) || route.config?.idempotency === false)
      return;
    withHook(route, 'onRequest', checkKey);
    withHook(route, 'preHandler', begin);
    withHook(route, 'onSend', end);
  });
});

const keyOf = (request: FastifyRequest): string =>
  idempotencyKey(request.raw.headersDistinct[IDEMPOTENCY_KEY_HEADER] ?? []);

const isDryRun = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && 'dry_run' in body && body.dry_run === true;
