import { AppError } from '../../src/errors.ts';
import type { JobQueue, QueuedJob, QueuedState, Risk } from '../../src/service/job-queue.ts';

/** The JobQueue port in memory, for testing what stands above it. The test plays the worker. */
export class MemoryQueue implements JobQueue {
  readonly jobs = new Map<string, QueuedState>();
  /** Ids of the jobs that workers were asked to stop. */
  readonly cancelled = new Set<string>();
  /** While set, every method fails as if Redis were gone. */
  down = false;
  /** What `check` tells of a queue that works. */
  risks: readonly Risk[] = [];
  readonly watchers = new Set<{ readonly jobId: string; readonly onHint: () => void }>();
  private readonly waiting = new Map<string, () => void>();

  async add(jobId: string): Promise<void> {
    this.fail();
    if (!this.jobs.has(jobId))
      this.jobs.set(jobId, { state: 'queued', progress: null, startedAt: null, attempts: 0 });
  }

  async remove(jobId: string): Promise<boolean> {
    this.fail();
    if (this.jobs.get(jobId)?.state !== 'queued') return false;
    this.finished(jobId);
    return true;
  }

  async cancel(jobId: string): Promise<void> {
    this.fail();
    this.cancelled.add(jobId);
  }

  async addAll(jobs: readonly Pick<QueuedJob, 'id'>[]): Promise<void> {
    for (const { id } of jobs) await this.add(id);
  }

  async activeJobs(): Promise<ReadonlySet<string>> {
    this.fail();
    return new Set([...this.jobs].filter(([, { state }]) => state === 'active').map(([id]) => id));
  }

  async state(jobId: string): Promise<QueuedState | undefined> {
    this.fail();
    return this.jobs.get(jobId);
  }

  async missing(jobIds: readonly string[]): Promise<string[]> {
    this.fail();
    return jobIds.filter((id) => !this.jobs.has(id));
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

  watch(jobId: string, onHint: () => void): () => void {
    const watcher = { jobId, onHint };
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  async counts(): Promise<Record<string, number>> {
    this.fail();
    return { waiting: this.jobs.size };
  }

  async check(): Promise<readonly Risk[]> {
    this.fail();
    return this.risks;
  }

  /** What a worker does last. */
  finished(jobId: string): void {
    this.jobs.delete(jobId);
    this.waiting.get(jobId)?.();
    this.waiting.delete(jobId);
  }

  /** What Redis tells those who watch a job; it may lose that. */
  hint(jobId: string): void {
    for (const watcher of [...this.watchers]) if (watcher.jobId === jobId) watcher.onHint();
  }

  private fail(): void {
    if (this.down) throw new AppError('QUEUE_UNAVAILABLE', 'Redis cannot be reached (ECONNREFUSED).');
  }
}
