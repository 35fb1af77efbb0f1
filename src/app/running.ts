import type { Logger } from '../log.ts';

/**
 * Stops one part that was started. Parts with requests or jobs in progress have until the deadline, by
 * `performance.now()`.
 */
export type Closer = (deadlineMs: number) => Promise<void>;

/** The started parts of a process, which are stopped in the reverse order. */
export class Running {
  private readonly closers: Closer[] = [];
  private isEnding = false;
  /** Set by the caller that can end the process. */
  onStopAsked: () => void = () => undefined;

  /** True after the first signal to stop. */
  get isStopping(): boolean {
    return this.isEnding;
  }

  /** Asks the process to end, as a signal does. */
  askToStop(): void {
    this.onStopAsked();
  }

  add(close: Closer): void {
    this.closers.push(close);
  }

  /** Stops everything that was started. If one part cannot be stopped, the others still are. */
  async stop(deadlineMs: number, logger: Logger): Promise<void> {
    this.isEnding = true;
    for (let close = this.closers.pop(); close; close = this.closers.pop()) {
      await close(deadlineMs).catch((error: unknown) => logger.error({ err: error }, 'closing failed'));
    }
  }
}
