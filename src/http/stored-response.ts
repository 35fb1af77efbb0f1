import type { FastifyReply, FastifyRequest } from 'fastify';
import { preferredWaitSeconds } from './prefer.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Answers a repeated request with the current state of what the first one created. `undefined` if that is gone:
     * then the first response is sent again.
     */
    answerAgain?: (
      request: FastifyRequest,
      reply: FastifyReply,
      first: StoredResponse,
    ) => Promise<FastifyReply | undefined>;
  }
}

/** The first response to a request, as it is stored to be sent again. */
export interface StoredResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The headers that describe the response; the others belong to one request, or to the connection. */
const STORED_HEADERS = [
  ...['content-type', 'location', 'cache-control', 'vary', 'etag', 'link'],
  ...['tus-resumable', 'upload-offset', 'upload-expires'],
];

export const REPLAYED_HEADER = 'idempotent-replayed';

/**
 * Responses about a temporary condition are not stored, so that the next attempt can succeed. Besides 5xx these are
 * 408, 409, 424, 425 and 429, with which nothing was done.
 */
const isTemporary = (status: number): boolean => status >= 500 || [408, 409, 424, 425, 429].includes(status);

/** The response in the form that is stored; undefined if it must not be stored, or is a stream. */
export function toStoredResponse(reply: FastifyReply, payload: unknown): StoredResponse | undefined {
  if (isTemporary(reply.statusCode)) return undefined;
  const body = payload === null || payload === undefined ? '' : payload;
  if (typeof body !== 'string' && !Buffer.isBuffer(body)) return undefined;
  const headers = STORED_HEADERS.flatMap((name): [string, string][] => {
    const value = reply.getHeader(name);
    return value === undefined ? [] : [[name, String(value)]];
  });
  return { status: reply.statusCode, headers: Object.fromEntries(headers), body: body.toString('utf8') };
}

/** Answers a request that has already been answered. */
export async function replayResponse(
  request: FastifyRequest,
  reply: FastifyReply,
  first: StoredResponse,
): Promise<FastifyReply> {
  reply.header(REPLAYED_HEADER, 'true');
  const { answerAgain } = request.routeOptions.config;
  // If the client does not wait, the first response is sent again, as the IETF draft requires.
  const waits = first.status < 300 && preferredWaitSeconds(request.headers.prefer) > 0;
  return (waits && (await answerAgain?.(request, reply, first))) || sendStored(reply, first);
}

function sendStored(reply: FastifyReply, { status, headers, body }: StoredResponse): FastifyReply {
  return reply
    .code(status)
    .headers(headers)
    .serializer((text: unknown) => text as string)
    .send(body);
}

/** Ends the handling of a request that has a stored response: plugins/errors.ts sends it. */
export class AlreadyAnswered extends Error {
  readonly answer: StoredResponse;

  constructor(answer: StoredResponse) {
    super('This request was already answered.');
    this.name = 'AlreadyAnswered';
    this.answer = answer;
  }
}
