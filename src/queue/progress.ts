import type { Progress } from '../contract/job.ts';

/** What is known as the progress of a dispatch: nothing while it has not reported any, which is 0 for BullMQ. */
export const knownProgress = (value: unknown): Progress | undefined =>
  typeof value === 'object' && value !== null && 'phase' in value ? (value as Progress) : undefined;

/** At most five writes per second to Redis for each job; more would not be noticed. */
const MIN_INTERVAL_MS = 200;

/**
 * Reduces a job's progress messages. Nothing is sent in the first 200 ms, because most small jobs end before, and a
 * message would cost more than it is worth. Then the first and the last message of each phase are always sent, so
 * that no phase appears to end short of its total. A delayed message is sent when its time comes, even if nothing
 * follows it, as in a stalled transfer.
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

  /** Sends what was held back last. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.held) return;
    this.send(this.held);
    this.held = undefined;
    this.sentAtMs = this.now();
  }

  /** The work is done: sends what was held back last, unless nothing was sent before. */
  finish(): void {
    if (this.sentAtMs > -Infinity) this.flush();
  }

  /** Forgets what is held back: the attempt is over. */
  close(): void {
    this.held = undefined;
    this.flush();
  }
}
