import type { Logger } from '../log.ts';

/**
 * Stops one part that was started. Parts with requests or jobs to finish get until the deadline, by
 * `performance.now()`.
 */
export type Closer = (deadlineMs: number) => Promise<void>;

/** What a process has started, to be ended in the reverse order of its start. */
export class Running {
  private readonly closers: Closer[] = [];
  private isEnding = false;
  /** Set by who can end the process. */
  onStopAsked: () => void = () => undefined;

  /** True from the first signal to stop. */
  get isStopping(): boolean {
    return this.isEnding;
  }

  /** Asks for the end of the process, as a signal does. */
  askToStop(): void {
    this.onStopAsked();
  }

  add(close: Closer): void {
    this.closers.push(close);
  }

  /** Ends everything that was started. What cannot be ended does not keep the rest from it. */
  async stop(deadlineMs: number, logger: Logger): Promise<void> {
    this.isEnding = true;
    for (let close = this.closers.pop(); close; close = this.closers.pop()) {
      await close(deadlineMs).catch((error: unknown) => logger.error({ err: error }, 'closing failed'));
    }
  }
}
