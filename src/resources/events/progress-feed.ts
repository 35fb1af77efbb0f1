import { LRUCache } from 'lru-cache';
import type { JobProgress, Progress } from '../../contract/job.ts';
import type { Labels } from '../../contract/labels.ts';
import type { Database } from '../../database/database.ts';

/** The shortest time between two updates; clients of many jobs would not notice faster ones. */
const MIN_INTERVAL_MS = 1_000;
/** How long the jobs of an execution are cached, because others may join it, and labels may change. */
const KNOWN_MS = 5_000;
const MAX_KNOWN = 1_000;

/** The progress of a job. */
export interface JobProgressUpdate {
  readonly jobId: string;
  readonly batchId: string | null;
  readonly labels: Labels;
  readonly progress: JobProgress;
}

/**
 * Finds the jobs to which the progress of an execution belongs. Progress only informs people, so surplus or unknown
 * updates are dropped.
 */
export class ProgressFeed {
  private readonly database: Pick<Database, 'reader'>;
  private readonly publish: (tenant: string, progress: JobProgressUpdate) => void;
  /** Executions with a recent update. */
  private readonly recentlyPublished = new LRUCache<string, true>({ max: MAX_KNOWN, ttl: MIN_INTERVAL_MS });
  private readonly jobs = new LRUCache<string, ReturnType<ProgressFeed['jobsOf']>>({
    max: MAX_KNOWN,
    ttl: KNOWN_MS,
  });

  constructor(
    database: Pick<Database, 'reader'>,
    publish: (tenant: string, progress: JobProgressUpdate) => void,
  ) {
    this.database = database;
    this.publish = publish;
  }

  take(execution: string, progress: Progress): void {
    if (this.recentlyPublished.has(execution)) return;
    this.recentlyPublished.set(execution, true);
    let jobs = this.jobs.get(execution);
    if (!jobs) {
      jobs = this.jobsOf(execution);
      this.jobs.set(execution, jobs);
    }
    void jobs.then(
      (rows) => {
        for (const { id, tenant, batch, labels, attempts } of rows)
          this.publish(tenant, {
            ...{ jobId: id, batchId: batch, labels: JSON.parse(labels) as Labels },
            progress: { ...progress, attempt: Math.max(1, attempts) },
          });
      },
      () => this.jobs.delete(execution),
    );
  }

  private jobsOf(execution: string) {
    return this.database.reader
      .selectFrom('job')
      .select(['id', 'tenant', 'batch', 'labels', 'attempts'])
      .where('execution', '=', execution)
      .where('state', '=', 'active')
      .execute();
  }
}
