import type { JobRecord } from '../contract/job.ts';
import type { Database } from '../database/database.ts';
import { AdapterService } from '../service/adapter-service.ts';
import { Contents } from '../service/content/contents.ts';
import { cancelledJob } from '../service/job-control/cancelled-job.ts';
import { JobStore } from '../service/job-store.ts';
import type { Observer } from '../service/observer.ts';
import { sourceIds } from '../service/source-ids.ts';
import type { DeliveryQueue } from '../service/webhooks/delivery-queue.ts';
import { Outbox } from '../service/webhooks/outbox.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { JobTotals } from './job-types.ts';
import type { Made, Task, TaskSource } from './task.ts';

export interface JobRecordsOptions {
  readonly store: BlobStore;
  readonly database: Database;
  /** Where deliveries of what happened here are queued; undefined: others queue them. */
  readonly deliveries?: DeliveryQueue | undefined;
  /** How long jobs (after their end) and adapters stay unless a request says otherwise; undefined: they are kept. */
  readonly jobTtlSeconds?: number | undefined;
  readonly adapterTtlSeconds?: number | undefined;
  readonly observer?: Pick<Observer, 'onBatchFinished'> | undefined;
}

/** The records of one tenant's jobs, as the worker reads and writes them for its compute processes. */
export class JobRecords {
  private readonly jobs: JobStore;
  private readonly adapters: Pick<AdapterService, 'stored'>;
  private readonly contents: Contents;
  private readonly adapterTtlSeconds: number | undefined;

  constructor(tenant: string, options: JobRecordsOptions) {
    const { database, deliveries: queue, jobTtlSeconds, adapterTtlSeconds, observer } = options;
    const outbox = new Outbox({ database, tenant, queue });
    this.jobs = new JobStore(database, tenant, outbox, jobTtlSeconds, observer);
    this.adapters = new AdapterService(database, options.store, tenant);
    this.contents = new Contents(database, options.store);
    this.adapterTtlSeconds = adapterTtlSeconds;
  }

  /** The job as it ended or was accepted. @throws AppError DATABASE_UNAVAILABLE */
  get(jobId: string): Promise<JobRecord | undefined> {
    return this.jobs.get(jobId);
  }

  /** Records an end without results. @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL */
  async finish(record: JobRecord): Promise<void> {
    await this.jobs.finish(record);
  }

  /**
   * What there is to do for a job.
   * @returns undefined when there is nothing: it has ended, is gone or was never accepted, or its batch was cancelled
   * @throws AppError ADAPTER_NOT_FOUND, DATABASE_UNAVAILABLE, STORAGE_*
   */
  async take(jobId: string): Promise<Task | undefined> {
    const task = await this.jobs.task(jobId);
    if (!task) return undefined;
    const { job, request } = task;
    if (task.isCalledOff) {
      await this.jobs.finish(cancelledJob(job));
      return undefined;
    }
    const sources: TaskSource[] = [];
    for (const id of sourceIds(request)) {
      const { record, files } = await this.adapters.stored(id, { evenExpired: true });
      const { name, sha256, base_model } = record;
      sources.push({ id, name, sha256, base_model, files });
    }
    const optimizer = (await this.jobs.file(jobId, 'optimizer')) ?? null;
    return { job, request, sources, optimizer, writeId: await this.contents.begin() };
  }

  /**
   * Records what a compute process made: all of it with the outcome, unless the job has one or is gone.
   * @returns null where nothing was recorded
   * @throws AppError DATABASE_UNAVAILABLE, STORAGE_*
   */
  async keep({ writeId }: Pick<Task, 'writeId'>, { job, adapters, files, totals }: Made): Promise<JobTotals> {
    const made = adapters.map((adapter) => ({
      ...adapter,
      labels: {},
      ttlSeconds: this.adapterTtlSeconds,
      jobId: job.id,
    }));
    if (await this.jobs.finish(job, { writeId, adapters: made, files })) return totals;
    await this.drop({ writeId });
    return null;
  }

  /** What an attempt wrote is not needed. @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL */
  drop({ writeId }: Pick<Task, 'writeId'>): Promise<void> {
    return this.contents.abandon(writeId);
  }
}
