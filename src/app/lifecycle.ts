import type { Logger } from '../log.ts';

/**
 * Stops one part that was started. Parts with requests or jobs in progress have until the deadline, by
 * `performance.now()`.
 */
export type Closer = (deadlineMs: number) => Promise<void>;

/** The started parts of a process, which are stopped in the reverse order. */
export class Lifecycle {
  private readonly closers: Closer[] = [];
  private isStopRequested = false;
  /** Set by the caller that can end the process. */
  onStopRequested: () => void = () => undefined;

  /** True after the first signal to stop. */
  get isStopping(): boolean {
    return this.isStopRequested;
  }

  /** Asks the process to end, as a signal does. */
  requestStop(): void {
    this.onStopRequested();
  }

  add(close: Closer): void {
    this.closers.push(close);
  }

  /** Stops everything that was started. If one part cannot be stopped, the others still are. */
  async stop(deadlineMs: number, logger: Logger): Promise<void> {
    this.isStopRequested = true;
    for (let close = this.closers.pop(); close; close = this.closers.pop()) {
      await close(deadlineMs).catch((error: unknown) =>
        logger.error({ err: error }, 'a part of the service cannot be closed'),
      );
    }
  }
}
