import type { S3Limits } from './s3-client.ts';

/** What `S3Client.send` takes beside the command. */
interface SendOptions {
  readonly requestTimeout: number;
  readonly abortSignal: AbortSignal;
}

/** Slowest that a body may be sent to the store: 100 kB/s. */
const MIN_BYTES_PER_MS = 100;

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
    throw Object.assign(new Error(`no whole answer came in ${limitMs} ms`), { name: 'TimeoutError' });
  } finally {
    clearTimeout(timer);
  }
}
