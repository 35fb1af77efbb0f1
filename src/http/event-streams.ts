import { Readable } from 'node:stream';
import { Type } from 'typebox';
import { AppError } from '../errors/app-error.ts';

/** The headers of a call that opens a stream. @param example of an id */
export const eventHeaders = (example: string) =>
  Type.Object({
    'last-event-id': Type.Optional(
      Type.String({
        description: 'Id of the last received event; browsers send it automatically',
        examples: [example],
      }),
    ),
  });

export interface StreamLimits {
  /** Streams that one tenant may have open in this process. */
  readonly perTenant: number;
  readonly perProcess: number;
}

export interface StreamTimes {
  readonly heartbeatMs: number;
  readonly pollMs: number;
  readonly lifeMs: number;
}

export interface EventStreamOptions extends StreamLimits, StreamTimes {}

const PER_TENANT = 100;
/** At most half of the connections of the process, so that the others remain for other requests. */
const PER_PROCESS = 1_000;
const HEARTBEAT_MS = 15_000;
const POLL_MS = 2_000;
/**
 * After this time the stream ends. The client reconnects with the id of its last event, and its key, which may have
 * been revoked, is checked again.
 */
const LIFE_MS = 3_600_000;

/** @param maxConnections the limit of connections of the process */
export const eventStreamOptions = (
  given: Partial<EventStreamOptions> = {},
  maxConnections: number = PER_PROCESS * 2,
): EventStreamOptions => ({
  perTenant: PER_TENANT,
  perProcess: Math.min(PER_PROCESS, Math.floor(maxConnections / 2)),
  heartbeatMs: HEARTBEAT_MS,
  pollMs: POLL_MS,
  lifeMs: LIFE_MS,
  ...given,
});

/** Counts the open streams, each of which holds a connection for as long as its client likes. */
export class OpenStreams {
  private readonly limits: StreamLimits;
  private readonly byTenant = new Map<string, number>();
  private readonly open = new Set<AbortController>();

  constructor(limits: StreamLimits) {
    this.limits = limits;
  }

  get count(): number {
    return this.open.size;
  }

  /**
   * Counts a new stream.
   * @returns a signal that ends the stream, and a function to call when it has ended
   * @throws AppError TOO_MANY_STREAMS
   */
  add(tenant: string): { readonly signal: AbortSignal; readonly close: () => void } {
    const { perTenant, perProcess } = this.limits;
    const own = this.byTenant.get(tenant) ?? 0;
    if (own >= perTenant) throw tooMany(`${own} streams of this tenant are already open`, perTenant);
    if (this.open.size >= perProcess)
      throw tooMany(`${this.open.size} streams of this process are already open`, perProcess);
    const controller = new AbortController();
    this.open.add(controller);
    this.byTenant.set(tenant, own + 1);
    return {
      signal: controller.signal,
      close: () => {
        if (!this.open.delete(controller)) return;
        const left = this.byTenant.get(tenant)! - 1;
        if (left === 0) this.byTenant.delete(tenant);
        else this.byTenant.set(tenant, left);
        controller.abort();
      },
    };
  }

  /** Ends all streams. */
  end(): void {
    for (const controller of this.open) controller.abort();
  }
}

const tooMany = (what: string, limit: number): AppError =>
  new AppError(
    'TOO_MANY_STREAMS',
    `${what}; the limit is ${limit}. Close some of them, or poll the records instead.`,
    {
      limit,
    },
  );

/** How long a client should wait after a lost connection, so that not all clients come back at the same moment. */
const RETRY_MS = 2_000;

export interface SseMessage {
  /** undefined: a client that reconnects sends the previous id. */
  readonly id?: string;
  readonly event: string;
  /** JSON, which has no line breaks of its own. */
  readonly data: string;
}

const encode = ({ id, event, data }: SseMessage): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;

/** A comment: it keeps the connection alive and is not an event. */
const COMMENT = ':\n\n';

/**
 * Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html) as a stream for `reply.send`.
 * The source is asked for the next message only after the last one has been written to the connection, so a client
 * that does not read costs no memory.
 * @param messages undefined stands for a comment that only keeps the connection alive
 */
export function sseStream(messages: AsyncIterable<SseMessage | undefined>): Readable {
  async function* chunks(): AsyncGenerator<string, void, undefined> {
    yield `retry: ${RETRY_MS}\n\n`;
    for await (const message of messages) yield message ? encode(message) : COMMENT;
  }
  return Readable.from(chunks(), { objectMode: false, highWaterMark: 1 });
}
