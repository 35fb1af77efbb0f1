import type { JobRecord, JobState } from '../../contract/job.ts';
import type { JobKind } from '../../contract/job-request.ts';
import type { Database } from '../../database/database.ts';
import { labelLinks, type WantedLabel } from '../../database/lists/label-filter.ts';
import { listed } from '../../database/lists/listed.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { sql } from '../../database/sql.ts';
import type { JobQueue } from '../../dispatch/job-queue.ts';
import { progressOf } from './progress.ts';
import { jobRecord, RECORD_COLUMNS } from './rows.ts';
import type { JobStore } from './store.ts';

/** What is left out matters not. */
export interface JobFilter {
  /** Any of them. */
  readonly states?: readonly JobState[] | undefined;
  readonly kind?: JobKind | undefined;
  /** An adapter that the job reads. */
  readonly adapterId?: string | undefined;
  readonly batchId?: string | undefined;
  readonly labels?: readonly WantedLabel[] | undefined;
}

/** The jobs of a tenant, the newest first. */
export class JobList {
  private readonly database: Pick<Database, 'reader'>;
  private readonly tenant: string;
  private readonly jobs: Pick<JobStore, 'dispatches'>;
  private readonly queue: Pick<JobQueue, 'progress'>;

  constructor(
    database: Pick<Database, 'reader'>,
    tenant: string,
    jobs: Pick<JobStore, 'dispatches'>,
    queue: Pick<JobQueue, 'progress'>,
  ) {
    this.database = database;
    this.tenant = tenant;
    this.jobs = jobs;
    this.queue = queue;
  }

  /** @throws AppError DATABASE_UNAVAILABLE; without the queue the progress of jobs that run is not known */
  async page(
    { states, kind, adapterId, batchId: batch, labels }: JobFilter,
    request: PageRequest,
  ): Promise<Page<JobRecord>> {
    const links = [
      ...labelLinks('job_label', labels),
      ...(adapterId === undefined ? [] : [{ from: sql.table('job_source'), where: { adapter: adapterId } }]),
    ];
    const { rows, next } = await listed(
      this.database,
      {
        ...{
          table: 'job',
          tenant: this.tenant,
          columns: RECORD_COLUMNS,
          links,
          equal: { kind },
          rare: { batch },
        },
        oneOf: states && [...new Set(states)].map((state) => sql`job.state = ${state}`),
      },
      request,
    );
    return { items: await this.withProgress(rows.map(jobRecord)), next };
  }

  private async withProgress(jobs: readonly JobRecord[]): Promise<JobRecord[]> {
    const active = jobs.filter(({ state }) => state === 'active').map(({ id }) => id);
    const known = await progressOf(this.jobs, this.queue, active);
    return jobs.map((job) => ({ ...job, progress: known.get(job.id) ?? job.progress }));
  }
}
