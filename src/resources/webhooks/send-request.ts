import type { Readable } from 'node:stream';
import { toAppError } from '../../errors/app-error.ts';
import type { Outbound } from '../../net/outbound.ts';
import { retryAfterMs } from './delivery-schedule.ts';

/** How much of the response's body is read and kept. */
const KEPT_BYTES = 1_024;
/** The time limit for the response's body; the status has been read by then. */
const BODY_MS = 2_000;

const GONE = 410;
const RETRY_AFTER_STATUSES = new Set([429, 503]);

/** The outcome of one request. */
export interface SendResult {
  readonly status: number | null;
  readonly ms: number;
  /** null: the request counts as delivered. */
  readonly error: string | null;
  readonly response: string | null;
  readonly isGone: boolean;
  readonly retryAfterMs: number | undefined;
}

/**
 * Sends one request. It does not follow redirects, and only connects where the guard allows it.
 * @throws only the reason of the signal
 */
export async function sendRequest(
  outbound: Pick<Outbound, 'request'>,
  url: string,
  {
    headers,
    body,
    timeoutMs,
    signal,
  }: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<SendResult> {
  const startedMs = performance.now();
  const passedMs = (): number => Math.round(performance.now() - startedMs);
  const nothing = { status: null, response: null, isGone: false, retryAfterMs: undefined };
  try {
    const answer = await outbound.request(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: Buffer.from(body),
      deadlineMs: timeoutMs,
      signal,
    });
    const ms = passedMs();
    const { status } = answer;
    return {
      status,
      ms,
      error: errorOf(status),
      response: await beginningOf(answer.body),
      isGone: status === GONE,
      retryAfterMs: RETRY_AFTER_STATUSES.has(status)
        ? retryAfterMs(answer.header('retry-after'), Date.now())
        : undefined,
    };
  } catch (error) {
    signal.throwIfAborted();
    return { ...nothing, ms: passedMs(), error: toAppError(error).message };
  }
}

function errorOf(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  if (status === GONE) return 'The receiver answered 410: it wants no more events.';
  if (status >= 300 && status < 400) return `The receiver answered ${status}: redirects are not followed.`;
  return `The receiver answered ${status}.`;
}

/** The beginning of a body, without waiting long, because a response counts by its status. */
async function beginningOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => body.destroy(), BODY_MS);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes >= KEPT_BYTES) break;
    }
  } catch {
    // What arrived before is kept.
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  return Buffer.concat(chunks).subarray(0, KEPT_BYTES).toString('utf8');
}
