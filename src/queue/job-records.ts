import type { AdapterRecord } from '../contract/adapter.ts';
import type { JobRecord } from '../contract/job.ts';
import type { Database } from '../database/database.ts';
import { AdapterService } from '../service/adapter-service.ts';
import { cancelledJob } from '../service/job-control/cancelled-job.ts';
import { isFinal, JobStore } from '../service/job-store.ts';
import { batchCancelKey, reportKey } from '../service/layout.ts';
import { AdapterUses } from '../service/retention/adapter-uses.ts';
import { sourceIds } from '../service/source-ids.ts';
import type { DeliveryQueue } from '../service/webhooks/delivery-queue.ts';
import { Outbox } from '../service/webhooks/outbox.ts';
import { tenantStore } from '../service/workspaces.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { JobTotals } from './job-types.ts';
import type { Made, Task } from './task.ts';

export interface JobRecordsOptions {
  readonly store: BlobStore;
  readonly database: Database;
  /** Where deliveries of what happened here are queued; undefined: others queue them. */
  readonly deliveries?: DeliveryQueue | undefined;
  /** How long jobs stay after their end, and adapters, where nobody says it; undefined: they are kept. */
  readonly jobTtlSeconds?: number | undefined;
  readonly adapterTtlSeconds?: number | undefined;
  /** Another registry in tests whose adapters have no files. */
  readonly adapters?: Pick<AdapterService, 'get' | 'adopt'>;
}

/** The records of one tenant's jobs, as the worker reads and writes them for its compute processes. */
export class JobRecords {
  private readonly store: BlobStore;
  private readonly jobs: JobStore;
  private readonly adapters: Pick<AdapterService, 'get' | 'adopt'>;

  constructor(tenant: string, options: JobRecordsOptions) {
    const { database, deliveries: queue, jobTtlSeconds, adapterTtlSeconds } = options;
    this.store = tenantStore(options.store, tenant);
    this.jobs = new JobStore(database, tenant, new Outbox({ database, tenant, queue }), jobTtlSeconds);
    const uses = new AdapterUses(this.store, this.jobs);
    this.adapters = options.adapters ?? new AdapterService(this.store, uses, adapterTtlSeconds);
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
    if (job.batch_id !== null && (await this.store.stat(batchCancelKey(job.batch_id)))) {
      await this.jobs.finish(cancelledJob(job));
      return undefined;
    }
    const sources: AdapterRecord[] = [];
    for (const id of sourceIds(request)) sources.push(await this.adapters.get(id));
    return { job, request, sources };
  }

  /**
   * Records what a compute process made: its adapters, then the outcome, unless the job has one. A job that was cancelled
   * or deleted meanwhile gets neither.
   * @returns null where nothing was recorded
   * @throws AppError DATABASE_UNAVAILABLE, STORAGE_*
   */
  async keep({ job, adapters, totals }: Made): Promise<JobTotals> {
    for (const { described, parentId } of adapters) {
      if (!(await this.isWanted(job.id))) return this.drop(job.id);
      await this.adapters.adopt(described, { parentId, jobId: job.id });
    }
    return (await this.jobs.finish(job)) ? totals : this.drop(job.id);
  }

  private async isWanted(jobId: string): Promise<boolean> {
    const record = await this.jobs.get(jobId);
    return record !== undefined && !isFinal(record);
  }

  /** The report is there already. Where another attempt came to an end first it is the report of that one too. */
  private async drop(jobId: string): Promise<null> {
    const record = await this.jobs.get(jobId);
    if (!record || record.state === 'cancelled') await this.store.remove(reportKey(jobId));
    return null;
  }
}
