import { Readable } from 'node:stream';

/** Consecutive failures, with less than MIN_PROGRESS_BYTES in between, after which a download is given up. */
const MAX_FAILURES = 3;
/** Otherwise a store that repeatedly sends a byte and stops would hold its reader indefinitely. */
const MIN_PROGRESS_BYTES = 256 * 2 ** 10;

export interface ResumingOptions {
  /** The size of the whole body. */
  readonly bytes: number;
  /** How long the body may be silent while its reader waits; then the rest is requested again. */
  readonly stallTimeoutMs: number;
  /** The body from an offset on. */
  readonly reopen: (offset: number) => Promise<Readable>;
  /** Converts a failure for the reader. */
  readonly failed: (error: unknown) => Error;
}

/**
 * A stream that continues where a connection broke or stopped. Stores and proxies close connections now and then, and
 * a job should not start over for that. Only the time that the reader waits counts, not the speed of the reader.
 * @param first the body of the first response
 */
export function resumingStream(first: Readable, options: ResumingOptions): Readable {
  const { bytes, stallTimeoutMs, reopen, failed } = options;
  let body = first;
  let isClosed = false;

  async function* chunks(): AsyncGenerator<Buffer> {
    let at = 0;
    let failures = 0;
    let enoughAt = 0;
    for (;;) {
      try {
        const pieces = body.iterator() as AsyncIterableIterator<Buffer>;
        for (;;) {
          const { value: chunk, done } = await nextOf(pieces);
          if (done) break;
          at += chunk.byteLength;
          if (at >= enoughAt) failures = 0;
          yield chunk;
        }
        if (at === bytes) return;
        throw new Error(`the download ended after ${at} of ${bytes} bytes`);
      } catch (error) {
        body.destroy();
        // All bytes have arrived and there is still an error: their checksum is wrong, and the reader already has
        // them.
        if (isClosed || at >= bytes || ++failures > MAX_FAILURES) throw failed(error);
        enoughAt = at + MIN_PROGRESS_BYTES;
        body = await reopen(at);
      }
    }
  }

  async function nextOf(pieces: AsyncIterator<Buffer>): Promise<IteratorResult<Buffer>> {
    const timer = setTimeout(() => {
      const stalled = new Error(`no data arrived for ${stallTimeoutMs} ms`);
      body.destroy(Object.assign(stalled, { name: 'TimeoutError' }));
    }, stallTimeoutMs);
    try {
      return await pieces.next();
    } finally {
      clearTimeout(timer);
    }
  }

  const stream = Readable.from(chunks(), { objectMode: false });
  stream.once('close', () => {
    isClosed = true;
    body.destroy();
  });
  return stream;
}
