import { S3Client } from '@aws-sdk/client-s3';
import type { ObserveBackend } from '../../backend-calls.ts';

/** How long a connection may take. */
const CONNECT_TIMEOUT_MS = 1_500;
/** From the start of a request to the head of its answer, for a part of an upload: 8 MB of body. */
const PART_ANSWER_TIMEOUT_MS = 60_000;
/** Connections to the store; each download to a client holds one. */
const MAX_SOCKETS = 256;

/**
 * How often a request is sent, with pauses that double from 0.1 s (0.5 s after SlowDown). Where one request in five
 * fails, one in 15,000 fails six times; the time that all of it takes is bounded by `answered`.
 */
const MAX_ATTEMPTS = 6;

/** Slowest that a body may be sent to the store: 100 kB/s. */
const MIN_BYTES_PER_MS = 100;

export interface S3Options {
  readonly bucket: string;
  /** In front of every key, without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** The bucket in the path of the URL and not in the host name. */
  readonly forcePathStyle: boolean;
  /** Most bytes of local copies, besides those in use. */
  readonly cacheBytes: number;
}

/** Location of an object. */
export interface ObjectAddress {
  readonly Bucket: string;
  readonly Key: string;
}

/** How long the store may keep its reader waiting, all of them shares of one idle timeout. */
export interface S3Limits {
  /** From the start of a small request to the head of its answer. */
  readonly answerMs: number;
  /** This many silent attempts make a request fail. */
  readonly attempts: number;
  /** From one piece of a body to the next; then the rest is asked for again. */
  readonly bodyMs: number;
}

/** @param idleTimeoutMs how long the store may be silent while a caller waits for it */
export const s3Limits = (idleTimeoutMs: number): S3Limits => ({
  answerMs: idleTimeoutMs / 6,
  attempts: 3,
  bodyMs: idleTimeoutMs / 4,
});

/**
 * A client with the SDK's own way to region, credentials and endpoint: environment, shared files, roles.
 * @param idleTimeoutMs a connection on which nothing moves for half as long is closed, also where the reader of a
 *   download is the reason
 * @param observe called for requests that were sent again
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

/** What the SDK says of an answer, or an error, that it sent a request for so often. */
interface Attempted {
  readonly $metadata?: { readonly attempts?: number };
}

/** What `S3Client.send` takes beside the command. */
interface SendOptions {
  readonly requestTimeout: number;
  readonly abortSignal: AbortSignal;
}

/**
 * Sends a request, several times where that helps, and bounds how long all of it takes: to the end of the answer, or to
 * its head where the body comes as a stream.
 * @param send is given what `S3Client.send` takes as options
 * @param bodyBytes how many bytes go to the store
 * @throws Error TimeoutError, and what the SDK throws
 */
export async function answered<T>(
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
