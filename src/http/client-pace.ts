import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** Less than this in `unreadMs` is not reading: a drip must not hold a connection for days. */
const MIN_TAKEN_BYTES = 1024;
/** Slower than this, in what it takes or sends, is slow. */
const SLOW_BYTES_PER_SECOND = 8_192;

interface Mark {
  readonly bytes: number;
  readonly atMs: number;
}

/** How fast the client of a connection takes its answers and sends its bodies, where the service waits for it to. */
export class ClientPace {
  /** Bytes received and sent in the last span that was measured. */
  recentBytes = Number.POSITIVE_INFINITY;
  private readonly socket: Socket;
  /** The one that began last. */
  private request: IncomingMessage | undefined;
  /** What the client had received when it last received enough, or when nothing was left to send. */
  private taken: Mark = { bytes: 0, atMs: 0 };
  /** What it had received and sent when the last span ended, or when the server was not waiting for it. */
  private moved: Mark = { bytes: 0, atMs: 0 };

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Whether there is something for the client to take, or to send. */
  get isWaitedFor(): boolean {
    return this.socket.writableLength > 0 || this.request?.complete === false;
  }

  /** From now on it is measured: a request has come where there was none. */
  begin(request: IncomingMessage, nowMs: number): void {
    this.next(request);
    this.taken = { bytes: this.takenBytes, atMs: nowMs };
    this.moved = { bytes: this.movedBytes, atMs: nowMs };
    this.recentBytes = Number.POSITIVE_INFINITY;
  }

  /** Another request has come before the last one was answered. */
  next(request: IncomingMessage): void {
    this.request = request;
  }

  /** Whether it has received almost nothing of its answer for this long. */
  isUnread(nowMs: number, unreadMs: number): boolean {
    const bytes = this.takenBytes;
    const isReading = this.socket.writableLength === 0 || bytes - this.taken.bytes >= MIN_TAKEN_BYTES;
    if (isReading) this.taken = { bytes, atMs: nowMs };
    return nowMs - this.taken.atMs >= unreadMs;
  }

  /** Whether it was slow in the last span of `slowMs`. While the server is not waiting for it, the span starts over. */
  isSlow(nowMs: number, slowMs: number): boolean {
    const { isWaitedFor, moved } = this;
    if (!isWaitedFor || nowMs - moved.atMs >= slowMs) {
      const bytes = this.movedBytes;
      this.recentBytes = isWaitedFor ? bytes - moved.bytes : Number.POSITIVE_INFINITY;
      this.moved = { bytes, atMs: nowMs };
    }
    return this.recentBytes < (SLOW_BYTES_PER_SECOND * slowMs) / 1000;
  }

  private get movedBytes(): number {
    return this.takenBytes + this.socket.bytesRead;
  }

  /**
   * Bytes that the kernel has accepted for the client. The socket's own counters see a write only as a whole, and a
   * report of some megabytes is one write. Only libuv knows how much of it is left; Node's own timeouts use the same
   * value.
   */
  private get takenBytes(): number {
    const { _handle: handle } = this.socket as {
      _handle?: { bytesWritten?: number; writeQueueSize?: number } | null;
    };
    const { bytesWritten, writeQueueSize } = handle ?? {};
    return bytesWritten === undefined || writeQueueSize === undefined
      ? this.socket.bytesWritten - this.socket.writableLength
      : bytesWritten - writeQueueSize;
  }
}
