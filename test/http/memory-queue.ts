import { AppError } from '../../src/errors.ts';
import type { JobQueue, QueuedState } from '../../src/service/job-queue.ts';

/** The JobQueue port in memory, for testing what stands above it. The test plays the worker. */
export class MemoryQueue implements JobQueue {
  readonly jobs = new Map<string, QueuedState>();
  /** While set, every method fails as if Redis were gone. */
  down = false;
  private readonly waiting = new Map<string, () => void>();

  async add(jobId: string): Promise<void> {
    this.fail();
    if (!this.jobs.has(jobId))
      this.jobs.set(jobId, { state: 'queued', progress: null, startedAt: null, attempts: 0 });
  }

  async state(jobId: string): Promise<QueuedState | undefined> {
    this.fail();
    return this.jobs.get(jobId);
  }

  async waitUntilFinished(jobId: string, timeoutMs: number): Promise<void> {
    this.fail();
    if (!this.jobs.has(jobId)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.waiting.set(jobId, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async counts(): Promise<Record<string, number>> {
    this.fail();
    return { waiting: this.jobs.size };
  }

  async check(): Promise<void> {
    this.fail();
  }

  /** What a worker does last. */
  finished(jobId: string): void {
    this.jobs.delete(jobId);
    this.waiting.get(jobId)?.();
    this.waiting.delete(jobId);
  }

  private fail(): void {
    if (this.down) throw new AppError('QUEUE_UNAVAILABLE', 'Redis cannot be reached (ECONNREFUSED).');
  }
}
