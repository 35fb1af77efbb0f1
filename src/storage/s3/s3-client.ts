import { S3Client } from '@aws-sdk/client-s3';
import type { ObserveBackend } from '../../backend-calls.ts';

/** How long establishing a connection may take. */
const CONNECT_TIMEOUT_MS = 1_500;
/** From the start of a request to the head of its response, for a part of an upload: 8 MB of body. */
const PART_ANSWER_TIMEOUT_MS = 60_000;
/** Connections to the store; each download to a client holds one. */
const MAX_SOCKETS = 256;

/**
 * How often a request is sent, with pauses that double from 0.1 s (0.5 s after SlowDown). If one request in five
 * fails, one in 15,000 fails six times; `answered` bounds the time of all attempts together.
 */
const MAX_ATTEMPTS = 6;

/** The lowest accepted speed for sending a body to the store: 100 kB/s. */
const MIN_BYTES_PER_MS = 100;

export interface S3Options {
  readonly bucket: string;
  /** The beginning of every key, without leading and trailing slashes; may be empty. */
  readonly prefix: string;
  /** Whether the bucket is in the path of the URL instead of the host name. */
  readonly forcePathStyle: boolean;
  /** The most bytes of local copies, not counting those in use. */
  readonly cacheBytes: number;
}

/** Location of an object. */
export interface ObjectAddress {
  readonly Bucket: string;
  readonly Key: string;
}

/** How long the store may keep its reader waiting; all values are parts of one idle timeout. */
export interface S3Limits {
  /** From the start of a small request to the head of its response. */
  readonly answerMs: number;
  /** A request fails after this many silent attempts. */
  readonly attempts: number;
  /** From one piece of a body to the next; then the rest is requested again. */
  readonly bodyMs: number;
}

/** @param idleTimeoutMs how long the store may be silent while a caller waits for it */
export const s3Limits = (idleTimeoutMs: number): S3Limits => ({
  answerMs: idleTimeoutMs / 6,
  attempts: 3,
  bodyMs: idleTimeoutMs / 4,
});

/**
 * A client that finds region, credentials and endpoint as the SDK does: in the environment, shared files and roles.
 * @param idleTimeoutMs a connection without traffic for half of this time is closed, even if the reader of a download
 *   is the reason
 * @param observe called for repeated requests
 */
export function createClient(
  forcePathStyle: boolean,
  idleTimeoutMs: number,
  observe?: ObserveBackend,
): S3Client {
  const client = new S3Client({
    forcePathStyle,
    maxAttempts: MAX_ATTEMPTS,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: PART_ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      socketTimeout: idleTimeoutMs / 2,
      httpAgent: { maxSockets: MAX_SOCKETS },
      httpsAgent: { maxSockets: MAX_SOCKETS },
    },
  });
  const countRetries = (answer: unknown): void => {
    const { attempts = 1 } = (answer as Attempted | undefined)?.$metadata ?? {};
    if (attempts > 1) observe?.({ backend: 'storage', retries: attempts - 1 });
  };
  client.middlewareStack.add(
    (next) => async (request) => {
      try {
        const answer = await next(request);
        countRetries(answer.output);
        return answer;
      } catch (error) {
        countRetries(error);
        throw error;
      }
    },
    { step: 'initialize', name: 'countRetries' },
  );
  return client;
}

/** The part of a response or an error of the SDK with the number of attempts. */
interface Attempted {
  readonly $metadata?: { readonly attempts?: number };
}

/** The options of `S3Client.send`. */
interface SendOptions {
  readonly requestTimeout: number;
  readonly abortSignal: AbortSignal;
}

/**
 * Sends a request, repeatedly if that helps, and limits the total time: until the end of the response, or until its
 * head if the body is a stream.
 * @param send receives the options for `S3Client.send`
 * @param bodyBytes the number of bytes that are sent to the store
 * @throws Error TimeoutError, and the errors of the SDK
 */
export async function sendWithTimeout<T>(
  { answerMs, attempts }: S3Limits,
  send: (options: SendOptions) => Promise<T>,
  bodyBytes = 0,
): Promise<T> {
  const requestTimeout = answerMs + bodyBytes / MIN_BYTES_PER_MS;
  const limitMs = attempts * requestTimeout;
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), limitMs);
  try {
    return await send({ requestTimeout, abortSignal: aborter.signal });
  } catch (error) {
    if (!aborter.signal.aborted) throw error;
    throw Object.assign(new Error(`no complete answer arrived within ${limitMs} ms`), {
      name: 'TimeoutError',
    });
  } finally {
    clearTimeout(timer);
  }
}
