import type { Progress } from '../contract/job.ts';

/** The progress of a dispatch; undefined while it has not reported any, which BullMQ represents as 0. */
export const knownProgress = (value: unknown): Progress | undefined =>
  typeof value === 'object' && value !== null && 'phase' in value ? (value as Progress) : undefined;

/** At most five writes per second to Redis for each job, because clients would not notice more. */
const MIN_INTERVAL_MS = 200;

/**
 * Reduces a job's progress messages. Nothing is sent in the first 200 ms, because most small jobs end within that
 * time, and a message would cost more than it is worth. After that, the first and the last message of each phase are
 * always sent, so that no phase appears to end short of its total. A delayed message is sent when its time has come,
 * even if no other follows it, as in a stalled transfer.
 */
export class ProgressThrottle {
  private readonly send: (progress: Progress) => void;
  private readonly now: () => number;
  private readonly begunMs: number;
  private sentAtMs = -Infinity;
  private phase: string | undefined;
  private held: Progress | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(send: (progress: Progress) => void, now: () => number = () => performance.now()) {
    this.send = send;
    this.now = now;
    this.begunMs = now();
  }

  report(progress: Progress): void {
    const quietMs = this.begunMs + MIN_INTERVAL_MS - this.now();
    if (quietMs > 0) {
      this.phase = progress.phase;
      this.held = progress;
      this.timer ??= setTimeout(() => this.flush(), quietMs).unref();
      return;
    }
    const isNewPhase = progress.phase !== this.phase;
    if (isNewPhase) this.flush();
    this.phase = progress.phase;
    this.held = progress;
    const isDue = this.now() - this.sentAtMs >= MIN_INTERVAL_MS;
    if (isNewPhase || isDue || progress.done === progress.total) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), MIN_INTERVAL_MS).unref();
  }

  /** Sends the message that was held back last. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.held) return;
    this.send(this.held);
    this.held = undefined;
    this.sentAtMs = this.now();
  }

  /** Sends the message that was held back last, unless none was sent before. Called when the work is done. */
  finish(): void {
    if (this.sentAtMs > -Infinity) this.flush();
  }

  /** Drops the message that is held back, because the attempt is over. */
  close(): void {
    this.held = undefined;
    this.flush();
  }
}
