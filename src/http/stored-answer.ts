import type { FastifyReply, FastifyRequest } from 'fastify';
import { preferredWaitSeconds } from './prefer.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Answers a repeated request with what the first one made, as it is now; `undefined` where that is gone: then the first
     * answer is given again.
     */
    answerAgain?: (
      request: FastifyRequest,
      reply: FastifyReply,
      first: StoredAnswer,
    ) => Promise<FastifyReply | undefined>;
  }
}

/** The first answer to a request, to be given again. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What an answer says of itself; the rest is of one request, or of the connection. */
const KEPT_HEADERS = [
  ...['content-type', 'location', 'cache-control', 'vary', 'etag', 'link'],
  ...['tus-resumable', 'upload-offset', 'upload-expires'],
];

export const REPLAYED_HEADER = 'idempotent-replayed';

/**
 * Answers about a temporary condition, and not about the request, are not kept, so that the next attempt can succeed.
 * 408, 409, 424, 425 and 429 are of this kind as well: nothing was done.
 */
const isPassing = (status: number): boolean => status >= 500 || [408, 409, 424, 425, 429].includes(status);

/** The answer as it can be given again; undefined where it must not be, or is a stream. */
export function keepable(reply: FastifyReply, payload: unknown): StoredAnswer | undefined {
  if (isPassing(reply.statusCode)) return undefined;
  const body = payload === null || payload === undefined ? '' : payload;
  if (typeof body !== 'string' && !Buffer.isBuffer(body)) return undefined;
  const headers = KEPT_HEADERS.flatMap((name): [string, string][] => {
    const value = reply.getHeader(name);
    return value === undefined ? [] : [[name, String(value)]];
  });
  return { status: reply.statusCode, headers: Object.fromEntries(headers), body: body.toString('utf8') };
}

/** Answers a request that was answered before. */
export async function sendAgain(
  request: FastifyRequest,
  reply: FastifyReply,
  first: StoredAnswer,
): Promise<FastifyReply> {
  reply.header(REPLAYED_HEADER, 'true');
  const { answerAgain } = request.routeOptions.config;
  // Without that the first answer is the answer, as the draft of the IETF has it.
  const waits = first.status < 300 && preferredWaitSeconds(request.headers.prefer) > 0;
  return (waits && (await answerAgain?.(request, reply, first))) || sendStored(reply, first);
}

function sendStored(reply: FastifyReply, { status, headers, body }: StoredAnswer): FastifyReply {
  return reply
    .code(status)
    .headers(headers)
    .serializer((text: unknown) => text as string)
    .send(body);
}

/** Ends the handling of a request whose answer is known: plugins/errors.ts sends it. */
export class AnsweredBefore extends Error {
  readonly answer: StoredAnswer;

  constructor(answer: StoredAnswer) {
    super('This request was already answered.');
    this.name = 'AnsweredBefore';
    this.answer = answer;
  }
}
