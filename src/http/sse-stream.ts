import { Readable } from 'node:stream';

/** After a lost connection a client should wait so long, and not come back with all the others at once. */
const RETRY_MS = 2_000;

export interface SseMessage {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

const encode = ({ id, event, data }: SseMessage): string =>
  // JSON has no line breaks of its own.
  `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** A comment: browsers and proxies see that the connection lives, and nobody is told anything. */
const COMMENT = ':\n\n';

/**
 * Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html) as a stream for `reply.send`. Its
 * source is asked for the next message only when the last one has gone to the connection: a client that does not read
 * costs no memory.
 * @param messages undefined: only a sign of life
 */
export function sseStream(messages: AsyncIterable<SseMessage | undefined>): Readable {
  async function* chunks(): AsyncGenerator<string, void, undefined> {
    yield `retry: ${RETRY_MS}\n\n`;
    for await (const message of messages) yield message ? encode(message) : COMMENT;
  }
  return Readable.from(chunks(), { objectMode: false, highWaterMark: 1 });
}
