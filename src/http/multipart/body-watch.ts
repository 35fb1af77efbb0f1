import type { IncomingMessage } from 'node:http';
import { AppError } from '../../errors/app-error.ts';
import { ContentDigest } from './content-digest.ts';

/** Fewer bytes than this in one idle timeout count as a stall: a drip must not hold a connection for days. */
const MIN_BYTES_PER_TIMEOUT = 1024;

/** Timeouts without a byte after the client has gone; a disk may take long to write down what came. */
const MOST_IDLE_ALONE = 2;

/** Watches a request body arrive: counts its bytes, checks its digests, and aborts `signal` when they stop coming. */
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
        // The body has arrived completely, but a parser that does not finish has lost its end, so nobody can be
        // answered.
        if (request.socket.destroyed && ++idleAlone >= MOST_IDLE_ALONE) controller.abort(uploadAborted());
        return;
      }
      controller.abort(
        new AppError(
          'UPLOAD_TOO_SLOW',
          `Only ${arrived} bytes of the upload arrived in ${idleTimeoutMs} ms, ${this.bytes} in all.`,
          { received_bytes: this.bytes, idle_timeout_ms: idleTimeoutMs },
        ),
      );
    }, idleTimeoutMs);
    const count = (chunk: Buffer): void => {
      this.bytes += chunk.length;
      this.digest.update(chunk);
    };
    // The parser does not hear of a connection that ended before it began to read. What had come of the body by then is
    // dropped unread, also where that was all of it: `complete` says what came, `readableEnded` what was read.
    const ended = (): void => {
      if (!request.readableEnded) controller.abort(uploadAborted());
    };
    request.on('data', count).once('close', ended);
    if (request.destroyed) ended();
    this.stop = () => request.off('data', count).off('close', ended);
  }

  /** The promise, or the reason of `signal` when that comes first. */
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
