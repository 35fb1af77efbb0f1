import { type Readable, Transform, type TransformCallback } from 'node:stream';

export interface BodyBounds {
  /** Most bytes; undefined: any number. */
  readonly maxBytes: number | undefined;
  /** What is thrown above them. */
  readonly tooLarge: () => Error;
  /** What is thrown where the body fails. */
  readonly failed: (error: unknown) => Error;
}

/** The body of an answer, counted, with its errors in our words. To be read to its end or destroyed. */
export function boundedBody(body: Readable, { maxBytes = Infinity, tooLarge, failed }: BodyBounds): Readable {
  let bytes = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) done(tooLarge());
      else done(null, chunk);
    },
  });
  // Not pipeline(): it hands errors on as they are.
  body.on('error', (error) => bounded.destroy(failed(error)));
  bounded.once('close', () => body.destroy());
  if (body.errored) bounded.destroy(failed(body.errored));
  return body.pipe(bounded);
}
