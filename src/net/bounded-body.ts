import { type Readable, Transform, type TransformCallback } from 'node:stream';

export interface BodyBounds {
  /** The most bytes; undefined: no limit. */
  readonly maxBytes: number | undefined;
  /** Creates the error for a body that exceeds the limit. */
  readonly tooLarge: () => Error;
  /** Converts the error of a body that fails. */
  readonly failed: (error: unknown) => Error;
}

/** The body of a response, with its bytes counted and its errors converted. It must be read completely or destroyed. */
export function boundedBody(body: Readable, { maxBytes = Infinity, tooLarge, failed }: BodyBounds): Readable {
  let bytes = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) done(tooLarge());
      else done(null, chunk);
    },
  });
  // Not pipeline(), which passes errors on unchanged.
  body.on('error', (error) => bounded.destroy(failed(error)));
  bounded.once('close', () => body.destroy());
  if (body.errored) bounded.destroy(failed(body.errored));
  return body.pipe(bounded);
}
