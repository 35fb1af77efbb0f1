import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * A client that receives less than this in `unreadMs` counts as not reading: a trickle must not hold a connection for
 * days.
 */
const MIN_TAKEN_BYTES = 1024;
/** A client that receives or sends less than this counts as slow. */
const SLOW_BYTES_PER_SECOND = 8_192;

interface Mark {
  readonly bytes: number;
  readonly atMs: number;
}

/** Measures how fast the client of a connection receives responses and sends bodies while the service waits for it. */
export class ClientPace {
  /** The bytes received and sent in the last measured span. */
  recentBytes = Number.POSITIVE_INFINITY;
  private readonly socket: Socket;
  /** The request that began last. */
  private request: IncomingMessage | undefined;
  /** The mark at which the client had last received enough, or at which nothing was left to send. */
  private mark: Mark = { bytes: 0, atMs: 0 };
  /** The mark at the end of the last span, or at which the server last stopped waiting for the client. */
  private moved: Mark = { bytes: 0, atMs: 0 };

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Whether the server is waiting for the client to receive or to send something. */
  get isWaitedFor(): boolean {
    return this.socket.writableLength > 0 || this.request?.complete === false;
  }

  /** Starts to measure, when a request arrives on an idle connection. */
  begin(request: IncomingMessage, nowMs: number): void {
    this.next(request);
    this.mark = { bytes: this.takenBytes, atMs: nowMs };
    this.moved = { bytes: this.movedBytes, atMs: nowMs };
    this.recentBytes = Number.POSITIVE_INFINITY;
  }

  /** Notes that another request has arrived before the last one was answered. */
  next(request: IncomingMessage): void {
    this.request = request;
  }

  /** Whether the client has received almost none of its response for this long. */
  isUnread(nowMs: number, unreadMs: number): boolean {
    const bytes = this.takenBytes;
    const isReading = this.socket.writableLength === 0 || bytes - this.mark.bytes >= MIN_TAKEN_BYTES;
    if (isReading) this.mark = { bytes, atMs: nowMs };
    return nowMs - this.mark.atMs >= unreadMs;
  }

  /**
   * Whether the client was slow in the last span of `slowMs`. While the server is not waiting for it, the span starts
   * over.
   */
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
   * Bytes that the kernel has accepted for the client. The counters of the socket only count whole writes, and a
   * report of some megabytes is one write. Only libuv knows how much of a write is left; Node's own timeouts use the
   * same value.
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
