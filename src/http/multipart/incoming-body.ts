import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { AppError } from '../../errors/app-error.ts';
import { BodyWatch } from './body-watch.ts';

/** Room for a few chunks of 64 KiB, the size in which sockets deliver them. */
const BUFFER_BYTES = 256 * 1024;

/**
 * The body of a request as a stream that always ends normally, even if the client disconnects or sends too slowly, so
 * that received bytes are kept. `check` reports afterwards whether the body is complete.
 */
export class IncomingBody {
  readonly stream = new PassThrough({ highWaterMark: BUFFER_BYTES });
  /** The announced length in bytes; null if none was announced. */
  readonly length: number | null;
  private readonly request: IncomingMessage;
  private readonly watch: BodyWatch;

  /** @throws AppError DIGEST_INVALID */
  constructor(request: IncomingMessage, idleTimeoutMs: number) {
    this.request = request;
    this.length = announcedLength(request);
    this.watch = new BodyWatch(request, idleTimeoutMs);
    const end = (): void => {
      request.unpipe(this.stream);
      this.stream.end();
    };
    this.watch.signal.addEventListener('abort', end, { once: true });
    request.once('error', end).once('close', end);
    request.pipe(this.stream);
    if (request.destroyed) end();
  }

  /** The bytes that have arrived. */
  get bytes(): number {
    return this.watch.bytes;
  }

  /** Aborted, with the reason, if the body arrives too slowly. */
  get signal(): AbortSignal {
    return this.watch.signal;
  }

  /** Whether a part of the body is useless without the rest, because there is a digest of the whole. */
  get isIndivisible(): boolean {
    const { headers } = this.request;
    return headers['content-digest'] !== undefined || headers['repr-digest'] !== undefined;
  }

  /** Checks the body after it has ended. @throws AppError UPLOAD_TOO_SLOW, UPLOAD_ABORTED if it is incomplete */
  check(): void {
    if (this.watch.signal.aborted) throw this.watch.signal.reason;
    if (this.request.complete) return;
    throw new AppError('UPLOAD_ABORTED', 'The connection ended before the upload did.', {
      received_bytes: this.bytes,
    });
  }

  /** @throws AppError DIGEST_MISMATCH, and as `check` */
  verify(): void {
    this.check();
    this.watch.finish();
  }

  /**
   * Stops reading the body: whatever the client still sends is read and discarded until the connection ends (see
   * connections.ts).
   */
  close(): void {
    this.watch.close();
    this.request.unpipe();
    this.request.resume();
    this.stream.destroy();
  }
}

export function announcedLength({ headers }: Pick<IncomingMessage, 'headers'>): number | null {
  const length = headers['content-length'];
  return length === undefined ? null : Number(length);
}
