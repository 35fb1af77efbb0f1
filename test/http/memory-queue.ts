import type { Progress } from '../../src/contract/job.ts';
import type { Dispatch, JobQueue, Risk } from '../../src/dispatch/job-queue.ts';
import { AppError } from '../../src/errors/app-error.ts';

/** The JobQueue port in memory, for testing its callers. */
export class MemoryQueue implements JobQueue {
  /** Ids of the entries, in order. */
  readonly dispatches = new Set<string>();
  /** The progress that workers report, by the ids of dispatches. */
  readonly progressById = new Map<string, Progress>();
  /** While set, every method fails as if Redis were gone. */
  down = false;
  /** What `check` returns for a queue that works. */
  risks: readonly Risk[] = [];
  readonly watchers = new Set<{ readonly execution: string; readonly onHint: () => void }>();

  readonly watchersOfAll = new Set<(execution: string, progress?: Progress) => void>();

  async add(dispatches: readonly Dispatch[]): Promise<void> {
    this.fail();
    for (const { id } of dispatches) this.dispatches.add(id);
  }

  async missing(ids: readonly string[]): Promise<string[]> {
    this.fail();
    return ids.filter((id) => !this.dispatches.has(id));
  }

  async progress(ids: readonly string[]): Promise<ReadonlyMap<string, Progress>> {
    this.fail();
    return new Map([...this.progressById].filter(([id]) => ids.includes(id)));
  }

  watch(execution: string, onHint: () => void): () => void {
    const watcher = { execution, onHint };
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  watchAll(onHint: (execution: string, progress?: Progress) => void): () => void {
    this.watchersOfAll.add(onHint);
    return () => this.watchersOfAll.delete(onHint);
  }

  async check(): Promise<readonly Risk[]> {
    this.fail();
    return this.risks;
  }

  /** Messages of Redis to its subscribers, which may be lost. */
  hint(): void {
    for (const watcher of [...this.watchers]) watcher.onHint();
  }

  private fail(): void {
    if (this.down) throw new AppError('QUEUE_UNAVAILABLE', 'Redis cannot be reached (ECONNREFUSED).');
  }
}
