import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyBaseLogger, FastifyHttpOptions, RawServerDefault } from 'fastify';
import type { Connections } from './connections.ts';
import { answerClientError } from './raw-errors.ts';
import { SCHEMA_KEYWORDS, selectBranchByTag } from './schema-keywords.ts';
import { REQUEST_ID_HEADER } from './schemas.ts';

/**
 * The limit for JSON requests. Uploads are streamed and not subject to it, and operations that need more have limits
 * of their own.
 */
const MAX_JSON_BODY_BYTES = 64 * 1024;

/** How long a client may take to send its headers. */
export const HEADERS_TIMEOUT_MS = 10_000;
const CONNECTIONS_CHECKING_INTERVAL_MS = 1000;

/**
 * Longer than the idle timeout of common proxies (60 s), so that they close first and never send a request to a
 * connection that the service is closing.
 */
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;

/**
 * Request ids of clients appear in logs and headers, so they must be short and free of characters with a special
 * meaning.
 */
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
      // plugins/browser-safety.ts requires the header instead, and answers with a problem document.
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
        // Requests are validated exactly as they were sent: nothing is converted, dropped or filled in.
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        allErrors: true,
        // validation-message.ts shows the refused value and the alternatives.
        verbose: true,
        keywords: [...SCHEMA_KEYWORDS] as never[],
        discriminator: true,
        // Optimising the generated code takes longer at startup than it saves.
        code: { optimize: false },
        // The schemas are part of the service, and the tests of the contract check them.
        validateSchema: false,
      },
      plugins: [selectBranchByTag as never],
    },
  };
}
