import { sleep } from './deadline.ts';
import { LoraSqueezeError } from './errors.ts';
import type { Query, Transport } from './transport.ts';

/** An event of a stream, typed by its name. */
export interface StreamEvent<E extends string, D> {
  /** Pass it as `lastEventId` to continue after this event. */
  readonly id: string;
  readonly event: E;
  readonly data: D;
}

/** A server-sent event as it was received. */
export type RawEvent = StreamEvent<string, string>;

export interface EventOptions {
  /** Continues the stream after this event. */
  readonly lastEventId?: string | undefined;
  /** Ends the stream: it throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const RECONNECT_MS = 2000;
/** The service sends a comment every 15 seconds: a connection that is silent for this long is dead. */
const MAX_SILENCE_MS = 60_000;

/**
 * The events of a stream. After its connection ends or breaks, it reconnects and continues after the last received
 * event; the stream ends when the service answers that there are no more (204).
 * @throws LoraSqueezeError if it is refused, or can no longer be reached; the signal's reason if it is aborted
 */
export async function* eventsOf(
  transport: Transport,
  path: string,
  query: Query,
  { lastEventId, signal }: EventOptions,
): AsyncGenerator<RawEvent, void, undefined> {
  let last = lastEventId;
  let reconnectMs = RECONNECT_MS;
  for (;;) {
    const headers = { accept: 'text/event-stream', ...(last !== undefined && { 'last-event-id': last }) };
    const call = { method: 'GET', path, query, headers, signal } as const;
    const response = await transport.call(call, (answer) => answer);
    if (response.status === 204 || response.body === null) return;
    for await (const fields of fieldsOf(linesOf(response.body, signal))) {
      if (fields.retry !== undefined && /^\d+$/.test(fields.retry)) reconnectMs = Number(fields.retry);
      last = fields.id ?? last;
      if (fields.data === undefined) continue;
      yield { id: last ?? '', event: fields.event ?? 'message', data: fields.data };
    }
    signal?.throwIfAborted();
    await sleep(reconnectMs, signal);
  }
}

/** @throws LoraSqueezeError NOT_THE_SERVICE */
export function dataOf<T>({ data }: RawEvent): T {
  try {
    return JSON.parse(data) as T;
  } catch {
    const detail = 'The stream has an event that is not JSON.';
    throw new LoraSqueezeError({ code: 'NOT_THE_SERVICE', detail, retryable: false });
  }
}

type Fields = Partial<Record<string, string>>;

/** The fields of each event; several data lines are joined into one text. */
async function* fieldsOf(lines: AsyncIterable<string>): AsyncGenerator<Fields> {
  let fields: Fields = {};
  for await (const line of lines) {
    if (line === '') {
      yield fields;
      fields = {};
      continue;
    }
    const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    // A line without a field name is a comment.
    if (name === '') continue;
    fields[name] = name === 'data' && fields.data !== undefined ? `${fields.data}\n${value}` : value;
  }
}

/** The lines of a body until it ends, breaks or falls silent; an incomplete last line is dropped. */
async function* linesOf(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const stop = (): void => void reader.cancel().catch(() => undefined);
  signal?.addEventListener('abort', stop, { once: true });
  let text = '';
  try {
    for (;;) {
      const silence = setTimeout(stop, MAX_SILENCE_MS);
      const { done, value } = await reader
        .read()
        .catch(() => ({ done: true, value: undefined }) as const)
        .finally(() => clearTimeout(silence));
      if (done) return;
      text += decoder.decode(value, { stream: true });
      // A \r at the end may be the first half of \r\n.
      const lines = text.split(/\r\n|\n|\r(?!$)/);
      text = lines.pop()!;
      yield* lines;
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
}
