import { LRUCache } from 'lru-cache';
import type { JobProgress, Progress } from '../../contract/job.ts';
import type { Labels } from '../../contract/labels.ts';
import type { Database } from '../../database/database.ts';

/** Faster updates are not noticeable among many jobs. */
const MIN_INTERVAL_MS = 1_000;
/** Jobs may join an execution, and get other labels. */
const KNOWN_MS = 5_000;
const MAX_KNOWN = 1_000;

/** How far a job has come. */
export interface JobProgressed {
  readonly jobId: string;
  readonly batchId: string | null;
  readonly labels: Labels;
  readonly progress: JobProgress;
}

/** Whose progress the progress of an execution is. It is for people who look on: what is too much, or cannot be known, is left out. */
export class ProgressFeed {
  private readonly database: Pick<Database, 'reader'>;
  private readonly tell: (tenant: string, progress: JobProgressed) => void;
  /** Executions with an update a moment ago. */
  private readonly told = new LRUCache<string, true>({ max: MAX_KNOWN, ttl: MIN_INTERVAL_MS });
  private readonly jobs = new LRUCache<string, ReturnType<ProgressFeed['jobsOf']>>({
    max: MAX_KNOWN,
    ttl: KNOWN_MS,
  });

  constructor(database: Pick<Database, 'reader'>, tell: (tenant: string, progress: JobProgressed) => void) {
    this.database = database;
    this.tell = tell;
  }

  take(execution: string, progress: Progress): void {
    if (this.told.has(execution)) return;
    this.told.set(execution, true);
    let jobs = this.jobs.get(execution);
    if (!jobs) {
      jobs = this.jobsOf(execution);
      this.jobs.set(execution, jobs);
    }
    void jobs.then(
      (rows) => {
        for (const { id, tenant, batch, labels, attempts } of rows)
          this.tell(tenant, {
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
