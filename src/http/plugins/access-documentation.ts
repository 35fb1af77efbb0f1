import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import type { Scope } from '../../contract/key.ts';
import { codesOfGroups, type ErrorCode } from '../../errors/error-kinds.ts';
import { IDEMPOTENCY_KEY_HEADER } from '../idempotency-key.ts';
import { API_PREFIX, scopeOf } from '../principal.ts';
import { textHeader, withProblems } from '../schemas.ts';
import { REPLAYED_HEADER } from '../stored-response.ts';
import { SAFE_METHODS } from './browser-safety.ts';
import { mayCreateWork } from './refuse-new-work.ts';

type Described = { readonly headers?: object };
type Responses = Record<string, Described>;

const IDEMPOTENCY_KEY = {
  ...textHeader(
    'Makes it safe to repeat the request: requests with the same key take effect once, and repetitions ' +
      'get the first response again. 1 to 255 printable ASCII characters, such as a UUID; kept for 24 hours ' +
      '(draft-ietf-httpapi-idempotency-key-header)',
  ),
  examples: ['8e03978e-40d5-43e8-bc93-6894a57f9324'],
};

const REPLAYED = {
  [REPLAYED_HEADER]: textHeader('`true` if this response was already given to the same Idempotency-Key'),
};

/**
 * Adds to the contract what the guarding plugins add to every route: hosts, origins, keys, rate limits, idempotency.
 */
export const accessDocumentation = fp(async (app: FastifyInstance) => {
  app.addHook('onRoute', (route: RouteOptions) => {
    const { config } = route;
    if (!route.schema || route.schema.hide) return;
    const method = String(route.method);
    const guards: readonly ErrorCode[] = [
      ...(config?.anyHost ? [] : (['HOST_NOT_ALLOWED'] as const)),
      ...(SAFE_METHODS.has(method) ? [] : (['CROSS_ORIGIN_REQUEST'] as const)),
      ...(config?.needsKeys ? (['ADMINISTRATION_CLOSED'] as const) : []),
      ...(mayCreateWork(route) ? (['SERVICE_OVERLOADED'] as const) : []),
    ];
    const response = withProblems(route.schema.response as Responses, guards);
    const schema = { ...route.schema, response };
    if (!route.url.startsWith(API_PREFIX) || config?.scope === null) {
      // Unlike all other operations, this one needs no key.
      Object.assign(route, { schema: { ...schema, security: [] } });
      return;
    }
    const isRepeatable = route.method === 'POST' && config?.idempotency !== false;
    const isAsking = method === 'GET' || method === 'HEAD';
    const secured = withScope(schema, scopeOf(method, config?.scope));
    const bodiless = isAsking || config?.accepts !== undefined ? secured : withoutBody(secured);
    route.schema = isRepeatable ? withIdempotency(bodiless, config?.idempotency === 'secret') : bodiless;
  });
});

function withScope(schema: FastifySchema, scope: Scope): FastifySchema {
  const { description } = schema;
  const sentence = `Needs a key with the scope \`${scope}\`.`;
  const response = withProblems(schema.response as Responses, codesOfGroups('access'));
  return {
    ...schema,
    description: description === undefined ? sentence : `${description}\n\n${sentence}`,
    ...({ 'x-scope': scope } as object),
    response,
  };
}

/** For operations without a body: small JSON is discarded (request-bodies.ts), anything else is refused. */
const withoutBody = (schema: FastifySchema): FastifySchema => ({
  ...schema,
  response: withProblems(schema.response as Responses, codesOfGroups('bodiless')),
});

function withIdempotency(schema: FastifySchema, isSecret: boolean): FastifySchema {
  const headers = (schema.headers ?? { type: 'object' }) as { properties?: object };
  const codes = codesOfGroups('idempotency', ...(isSecret ? (['secret-answer'] as const) : []));
  const response = withProblems(schema.response as Responses, codes);
  return {
    ...schema,
    headers: {
      ...headers,
      properties: { ...headers.properties, [IDEMPOTENCY_KEY_HEADER]: IDEMPOTENCY_KEY },
    },
    response: Object.fromEntries(
      Object.entries(response).map(([status, one]) => [
        status,
        status.startsWith('2') ? withHeaders(one, REPLAYED) : one,
      ]),
    ),
  };
}

const withHeaders = (response: Described, headers: object): Described => ({
  ...response,
  headers: { ...response.headers, ...headers },
});
