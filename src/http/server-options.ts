import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyBaseLogger, FastifyHttpOptions, RawServerDefault } from 'fastify';
import type { Connections } from './connections.ts';
import { answerClientError } from './raw-errors.ts';
import { SCHEMA_KEYWORDS, tellBranchesApart } from './schema-keywords.ts';
import { REQUEST_ID_HEADER } from './schemas.ts';

/** JSON requests only; uploads are streamed past this limit, and operations that need more have their own. */
const MAX_JSON_BODY_BYTES = 64 * 1024;

/** A client that has not sent its headers by then is not serious. */
export const HEADERS_TIMEOUT_MS = 10_000;
const CONNECTIONS_CHECKING_INTERVAL_MS = 1000;

/** Longer than the idle timeout of common proxies (60 s), so that they close first and never race a close of ours. */
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;

/** Request ids from outside go to logs and headers: short, and without anything that could mean more. */
const SAFE_REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

function requestId(request: IncomingMessage): string {
  const sent = request.headers[REQUEST_ID_HEADER];
  return typeof sent === 'string' && SAFE_REQUEST_ID.test(sent) ? sent : randomUUID();
}

export function serverOptions(
  logger: FastifyBaseLogger | false,
  connections: Connections,
  trustedProxies: readonly string[] = [],
): FastifyHttpOptions<RawServerDefault, FastifyBaseLogger> {
  return {
    ...(logger ? { loggerInstance: logger } : { logger: false }),
    genReqId: requestId,
    // X-Forwarded-For is not trusted by default, because any client can send it.
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    bodyLimit: MAX_JSON_BODY_BYTES,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECKING_INTERVAL_MS,
      // plugins/browser-safety.ts asks for it, by a problem.
      requireHostHeader: false,
    },
    // Uploads may take hours: plugins/request-bodies.ts and multipart/body-watch.ts watch bodies.
    requestTimeout: 0,
    forceCloseConnections: 'idle',
    // plugins/refuse-new-work.ts answers instead, with a problem document, and still allows reading.
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => answerClientError(error, socket, connections),
    ajv: {
      customOptions: {
        // What was sent is what is validated: nothing is converted, dropped or filled in.
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        allErrors: true,
        // For validation-message.ts, which shows the value and knows the alternatives.
        verbose: true,
        keywords: [...SCHEMA_KEYWORDS] as never[],
        discriminator: true,
        // Optimisation passes over generated code that take longer at startup than they save.
        code: { optimize: false },
        // The schemas are ours, and judged by the tests of the contract.
        validateSchema: false,
      },
      plugins: [tellBranchesApart as never],
    },
  };
}
