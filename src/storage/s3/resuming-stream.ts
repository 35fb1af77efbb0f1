import { Readable } from 'node:stream';

/** Failures in a row, without a byte in between, after which a download is given up. */
const MAX_FAILURES = 3;

/**
 * A stream of `bytes` bytes that goes on where a connection broke. Stores and what lies between close connections now
 * and then, and a job should not begin again for that.
 * @param first the body as it came
 * @param reopen the body from an offset on
 */
export function resumingStream(
  first: Readable,
  bytes: number,
  reopen: (offset: number) => Promise<Readable>,
): Readable {
  let body = first;
  let isClosed = false;

  async function* chunks(): AsyncGenerator<Buffer> {
    let at = 0;
    let failures = 0;
    for (;;) {
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          at += chunk.byteLength;
          failures = 0;
          yield chunk;
        }
        if (at === bytes) return;
        throw new Error(`the download ended after ${at} of ${bytes} bytes`);
      } catch (error) {
        // All bytes and still an error: their checksum is wrong, and they are with the reader already.
        if (isClosed || at >= bytes || ++failures > MAX_FAILURES) throw error;
        body = await reopen(at);
      }
    }
  }

  const stream = Readable.from(chunks(), { objectMode: false });
  stream.once('close', () => {
    isClosed = true;
    body.destroy();
  });
  return stream;
}
