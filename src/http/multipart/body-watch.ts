import type { IncomingMessage } from 'node:http';
import { AppError } from '../../errors/app-error.ts';
import { ContentDigest } from './content-digest.ts';

/** Fewer bytes than this within one idle timeout count as a stall: a trickle must not hold a connection for days. */
const MIN_BYTES_PER_TIMEOUT = 1024;

/** Number of idle timeouts to wait after the client has gone, because a disk may need long to write what has arrived. */
const MAX_IDLE_ALONE = 2;

/** Watches a request body arrive: counts its bytes, checks its digests, and aborts `signal` if no more bytes arrive. */
export class BodyWatch {
  bytes = 0;
  private isRead = false;
  readonly signal: AbortSignal;
  private readonly digest: ContentDigest;
  private readonly timer: NodeJS.Timeout;
  private readonly stop: () => void;

  /** @throws AppError DIGEST_INVALID */
  constructor(request: IncomingMessage, idleTimeoutMs: number) {
    this.digest = new ContentDigest(request.headers);
    const controller = new AbortController();
    this.signal = controller.signal;
    let bytesBefore = 0;
    let idleAlone = 0;
    this.timer = setInterval(() => {
      const arrived = this.bytes - bytesBefore;
      bytesBefore = this.bytes;
      if (arrived >= MIN_BYTES_PER_TIMEOUT || this.isRead) return;
      if (request.complete) {
        // The body has arrived completely, but the parser has not finished and has lost its end, so no response can
        // be sent.
        if (request.socket.destroyed && ++idleAlone >= MAX_IDLE_ALONE) controller.abort(uploadAborted());
        return;
      }
      controller.abort(
        new AppError(
          'UPLOAD_TOO_SLOW',
          `Only ${arrived} bytes of the upload arrived in the last ${idleTimeoutMs} ms; ${this.bytes} bytes arrived in total.`,
          { received_bytes: this.bytes, idle_timeout_ms: idleTimeoutMs },
        ),
      );
    }, idleTimeoutMs);
    const count = (chunk: Buffer): void => {
      this.bytes += chunk.length;
      this.digest.update(chunk);
    };
    // The parser does not notice a connection that ended before it began to read. All that had arrived of the body is
    // then dropped unread, even if it was complete: `complete` refers to arrived bytes, `readableEnded` to read ones.
    const ended = (): void => {
      if (!request.readableEnded) controller.abort(uploadAborted());
    };
    request.on('data', count).once('close', ended);
    if (request.destroyed) ended();
    this.stop = () => request.off('data', count).off('close', ended);
  }

  /** The result of the promise, unless `signal` is aborted first: then its reason is thrown. */
  async race<T>(promise: Promise<T>): Promise<T> {
    if (this.signal.aborted) throw this.signal.reason;
    let onAbort: () => void = () => {};
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(this.signal.reason);
      this.signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([promise, aborted]);
    } finally {
      this.signal.removeEventListener('abort', onAbort);
    }
  }

  /** The body is complete. @throws AppError DIGEST_MISMATCH */
  finish(): void {
    this.isRead = true;
    this.digest.finish();
  }

  close(): void {
    clearInterval(this.timer);
    this.stop();
  }
}

export const uploadAborted = (cause?: unknown): AppError =>
  new AppError('UPLOAD_ABORTED', 'The connection ended before the upload did.', {}, { cause });
