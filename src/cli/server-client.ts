import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DigestedFile } from '../adapter/digested-file.ts';
import { type PlainJson, parsePlainJson } from '../json/strict-json.ts';
import { CommandError } from './command-error.ts';

/** The deepest nesting of a response. Reports are 8 levels deep. */
const MAX_ANSWER_DEPTH = 64;

/** Pauses between attempts; a restarting server is back after a moment. */
const RETRY_PAUSES_MS = [250, 500, 1000, 2000];
/** The most attempts, and the longest wait, if the server says how long to wait. */
const MAX_BUSY_TRIES = 10;
const MAX_WAIT_MS = 60_000;

/** Statuses of gateways whose responses do not say whether to retry; 429 says so with Retry-After. */
const RETRYABLE_STATUSES = [502, 503, 504];

/** Expected size and digest of a downloaded file. */
export type ExpectedFile = DigestedFile;

/**
 * Calls the API of a server with fetch: with the key in every request, refusals as errors, and retries if they can
 * help.
 */
export class ServerClient {
  readonly #server: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #signal: AbortSignal;
  readonly #tenant: string | undefined;

  /**
   * @param server its URL without a trailing slash; a path in it precedes the path of the API
   * @param tenant whose records to use; undefined: the tenant of the key
   */
  constructor(server: string, key: string | undefined, signal: AbortSignal, tenant?: string) {
    this.#tenant = tenant;
    this.#server = server;
    this.#headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    this.#signal = signal;
  }

  /**
   * Sends a request and parses its response as JSON. Every POST has an Idempotency-Key, so it takes effect once
   * however often it is sent.
   * @param init creates the request for each attempt
   * @throws CommandError with the code and detail of the server's problem, SERVER_UNREACHABLE, or NOT_THE_SERVICE
   */
  json<T>(path: string, init: () => RequestInit = () => ({})): Promise<T> {
    const key = crypto.randomUUID();
    return withRetries(this.#server, this.#signal, async () => {
      const request = init();
      const once = request.method === 'POST' ? { 'idempotency-key': key } : undefined;
      const headers = { ...(request.headers as Record<string, string> | undefined), ...once };
      const response = await this.#ask(path, { ...request, headers });
      const bytes = await response.arrayBuffer();
      try {
        return parseAnswer(bytes) as T;
      } catch {
        throw new CommandError('NOT_THE_SERVICE', `${this.#server}${path} does not answer with JSON.`);
      }
    });
  }

  /**
   * Streams a file to the disk and compares it with the expected size and digest and with those that the server
   * sends.
   * @throws CommandError DIGEST_MISMATCH, and as `json`
   */
  async download(
    path: string,
    to: string,
    expected: ExpectedFile,
    onBytes: (bytes: number) => void,
  ): Promise<void> {
    await withRetries(this.#server, this.#signal, async () => {
      const response = await this.#ask(path, {});
      const hash = createHash('sha256');
      let bytes = 0;
      async function* passing(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.length;
          onBytes(bytes);
          yield chunk;
        }
      }
      const body = response.body ? Readable.fromWeb(response.body) : Readable.from([]);
      await pipeline(body, passing, createWriteStream(to), { signal: this.#signal });
      checkDigest(expected, hash.digest(), bytes, response.headers.get('repr-digest'));
    });
  }

  /**
   * The JSON of each line of a response, as it arrives. If the response is cut off, it is requested again, and the
   * lines that were already yielded are skipped.
   * @param path of lines with an index, for which the response gives the number of lines
   * @throws CommandError as `json`
   */
  async *lines<T extends { readonly index: number }>(path: string): AsyncGenerator<T, void, undefined> {
    let given = 0;
    let index = -1;
    for (let again = 0; ; ) {
      const response = await withRetries(this.#server, this.#signal, () => this.#ask(path, {}));
      let passed = 0;
      let rest = '';
      try {
        for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
          const lines = (rest + chunk).split('\n');
          rest = lines.pop()!;
          for (const line of lines) {
            if (++passed <= given) continue;
            given = passed;
            again = 0;
            const value = JSON.parse(line) as T;
            index = value.index;
            yield value;
          }
        }
        if (index + 1 === Number(response.headers.get('x-item-count'))) return;
        // fetch accepts some responses as complete although they were cut off.
        throw new TypeError('terminated', { cause: new Error('the response was cut off') });
      } catch (error) {
        this.#signal.throwIfAborted();
        const waitMs = RETRY_PAUSES_MS[again++];
        if (!isOfConnection(error)) throw error;
        if (waitMs === undefined) throw unreachable(this.#server, error);
        await sleep(waitMs, undefined, { signal: this.#signal });
      }
    }
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    const headers = { ...this.#headers, ...(init.headers as Record<string, string> | undefined) };
    const of = this.#tenant === undefined ? '' : `${path.includes('?') ? '&' : '?'}tenant=${this.#tenant}`;
    const response = await fetch(this.#server + path + of, { ...init, headers, signal: this.#signal });
    if (response.ok) return response;
    throw await refusalOf(response);
  }
}

/** Parses a response; measured numbers may be large integers. @throws JsonError */
const parseAnswer = (bytes: ArrayBuffer): PlainJson =>
  parsePlainJson(new Uint8Array(bytes), { maxDepth: MAX_ANSWER_DEPTH, largeIntegers: 'round' });

/**
 * Converts a problem document (RFC 9457) to an error: a ServerBusy if another attempt can help. Other answers, for
 * example those of a gateway, are judged by their status.
 */
async function refusalOf(response: Response): Promise<CommandError> {
  const { status, statusText, headers } = response;
  const retryAfter = headers.get('retry-after');
  let refusal = new CommandError(`HTTP_${status}`, `The server answered ${status} ${statusText}.`, {
    status,
  });
  let mayPass = RETRYABLE_STATUSES.includes(status) || (status === 429 && retryAfter !== null);
  try {
    const { code, detail, context, retryable } = parseAnswer(await response.arrayBuffer()) as Record<
      string,
      unknown
    >;
    if (typeof code === 'string' && typeof detail === 'string') {
      refusal = new CommandError(code, detail, { status, ...(context as object | undefined) });
      if (typeof retryable === 'boolean') mayPass = retryable;
    }
  } catch {
    // The answer is not JSON, or it was cut off.
  }
  return mayPass ? new ServerBusy(refusal, retryAfter) : refusal;
}

function checkDigest(
  { name, sha256, bytes }: ExpectedFile,
  digest: Buffer,
  received: number,
  reprDigest: string | null,
): void {
  const digestInHeader = reprDigest === null ? null : /sha-256=:([^:]*):/.exec(reprDigest)?.[1];
  const matchesHeader = digestInHeader == null || Buffer.from(digestInHeader, 'base64').equals(digest);
  if (matchesHeader && received === bytes && digest.toString('hex') === sha256) return;
  throw new CommandError('DIGEST_MISMATCH', `The downloaded ${name} differs from the file on the server.`, {
    file: name,
    expected_sha256: sha256,
    sha256: digest.toString('hex'),
  });
}

/** The server asks the client to retry later. */
class ServerBusy extends CommandError {
  /** undefined if it does not say how long to wait. */
  readonly waitMs: number | undefined;

  /** @param retryAfter the Retry-After header, which has seconds or a date; null if it is missing */
  constructor(refusal: CommandError, retryAfter: string | null) {
    super(refusal.code, refusal.message, refusal.context);
    this.waitMs = retryAfter === null ? undefined : waitMsOf(retryAfter);
  }
}

function waitMsOf(retryAfter: string): number | undefined {
  const waitMs = /^\d+$/.test(retryAfter) ? 1000 * Number(retryAfter) : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), MAX_WAIT_MS);
}

/**
 * Retries a request as long as that can help: while a busy server asks to wait, and a few times if a connection
 * fails. Repeating the request must do no harm.
 * @throws CommandError SERVER_UNREACHABLE; the error of the request; the reason of the signal if it is aborted
 */
async function withRetries<T>(server: string, signal: AbortSignal, request: () => Promise<T>): Promise<T> {
  let busyTries = 0;
  let again = 0;
  for (;;) {
    signal.throwIfAborted();
    let waitMs: number | undefined;
    try {
      return await request();
    } catch (error) {
      signal.throwIfAborted();
      if (isOfFile(error)) throw error.cause;
      const isBusy = error instanceof ServerBusy;
      if (isBusy && error.waitMs !== undefined && busyTries++ < MAX_BUSY_TRIES) waitMs = error.waitMs;
      else if (isBusy || isOfConnection(error)) waitMs = RETRY_PAUSES_MS[again++];
      if (waitMs === undefined) throw isOfConnection(error) ? unreachable(server, error) : error;
    }
    await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** fetch reports every failure below HTTP as a TypeError with a cause. */
const isOfConnection = (error: unknown): error is TypeError =>
  error instanceof TypeError && error.cause instanceof Error;

/** Whether a file could not be read while it was being sent. */
const isOfFile = (error: unknown): error is TypeError =>
  isOfConnection(error) && (error.cause as NodeJS.ErrnoException).path !== undefined;

function unreachable(server: string, { cause }: TypeError): CommandError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = message || code || 'no reason given';
  return new CommandError('SERVER_UNREACHABLE', `${server} cannot be reached: ${why}.`, {
    server,
    ...(code === undefined ? {} : { reason: code }),
  });
}
