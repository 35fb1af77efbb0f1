import { setTimeout as sleep } from 'node:timers/promises';
import type { AppError } from '../errors/app-error.ts';
import type { Logger } from '../log.ts';

/** This many storage failures within the window are too many, even if the storage passes its check. */
const MAX_FAILURES = 5;
const WINDOW_MS = 30_000;
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;

export interface StorageWatchOptions {
  /** Fails while the storage cannot be used. */
  readonly check: () => Promise<void>;
  /** Number of jobs that run at the same time. */
  readonly concurrency: number;
  /** Stops taking jobs, and takes jobs again. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Called when the storage starts to fail, and when it works again. */
  readonly onPauseChange: (isPaused: boolean) => void;
  readonly logger: Logger;
}

/**
 * Keeps a worker from taking jobs that would fail because of its storage. After such a failure the storage is checked
 * at once: if it passes, the worker continues, unless too many jobs failed recently. Otherwise it waits until the
 * check passes.
 */
export class StorageWatch {
  private readonly options: StorageWatchOptions;
  private readonly closing = new AbortController();
  private failures: number[] = [];
  private isWaiting = false;

  constructor(options: StorageWatchOptions) {
    this.options = options;
  }

  /** Notes that a job failed because of the storage. */
  failed(error: AppError): void {
    const now = performance.now();
    this.failures = [...this.failures.filter((at) => now - at < WINDOW_MS), now];
    if (!this.isWaiting) void this.waitForStorage(error);
  }

  close(): void {
    this.closing.abort();
  }

  private async waitForStorage(error: AppError): Promise<void> {
    const { pause, resume, onPauseChange, logger, concurrency } = this.options;
    this.isWaiting = true;
    pause();
    let reason = await this.trouble();
    if (this.failures.length >= Math.max(MAX_FAILURES, concurrency))
      reason ??= `${this.failures.length} jobs failed within ${WINDOW_MS / 1000} s: ${error.message}`;
    if (reason !== undefined) {
      const begunMs = performance.now();
      logger.error({ reason }, 'the storage fails; this worker takes no jobs until it is back');
      onPauseChange(true);
      await this.untilBack();
      if (this.closing.signal.aborted) return;
      const seconds = Math.round((performance.now() - begunMs) / 1000);
      logger.info({ seconds }, 'the storage is back; this worker takes jobs again');
      onPauseChange(false);
      this.failures = [];
    }
    this.isWaiting = false;
    resume();
  }

  private async untilBack(): Promise<void> {
    for (
      let pauseMs = FIRST_PAUSE_MS;
      !this.closing.signal.aborted;
      pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)
    ) {
      await sleep(pauseMs, undefined, { signal: this.closing.signal }).catch(() => undefined);
      if ((await this.trouble()) === undefined) return;
    }
  }

  /** The current fault of the storage. */
  private trouble(): Promise<string | undefined> {
    return this.options.check().then(
      () => undefined,
      (error: Error) => error.message,
    );
  }
}
