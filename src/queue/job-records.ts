import type { AdapterRecord } from '../contract/adapter.ts';
import type { JobRecord } from '../contract/job.ts';
import { AdapterService } from '../service/adapter-service.ts';
import { cancelledJob } from '../service/job-control/cancelled-job.ts';
import { isFinal, JobStore } from '../service/job-store.ts';
import { batchCancelKey, jobKey, outcomeKey, reportKey } from '../service/layout.ts';
import { sourceIds } from '../service/source-ids.ts';
import { tenantStore } from '../service/workspaces.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { JobTotals } from './job-types.ts';
import type { Made, Task } from './task.ts';

export interface JobRecordsOptions {
  readonly store: BlobStore;
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

  constructor(tenant: string, { store, jobTtlSeconds, adapterTtlSeconds, adapters }: JobRecordsOptions) {
    this.store = tenantStore(store, tenant);
    this.jobs = new JobStore(this.store, jobTtlSeconds);
    this.adapters = adapters ?? new AdapterService(this.store, adapterTtlSeconds);
  }

  /** The job as it ended or was accepted. @throws AppError STORAGE_* */
  get(jobId: string): Promise<JobRecord | undefined> {
    return this.jobs.get(jobId);
  }

  /** Records an end without results. @throws AppError STORAGE_* */
  finish(record: JobRecord): Promise<boolean> {
    return this.jobs.finish(record);
  }

  /**
   * What there is to do for a job.
   * @returns undefined when there is nothing: it has ended, is gone or was never accepted, or its batch was cancelled
   * @throws AppError ADAPTER_NOT_FOUND, STORAGE_*
   */
  async take(jobId: string): Promise<Task | undefined> {
    const job = await this.jobs.get(jobId);
    if (!job || isFinal(job)) return undefined;
    if (job.batch_id !== null && (await this.store.stat(batchCancelKey(job.batch_id)))) {
      await this.jobs.finish(cancelledJob(job));
      return undefined;
    }
    const request = (await this.jobs.withSecrets(jobId))?.request;
    // Deleted in this moment.
    if (!request) return undefined;
    const sources: AdapterRecord[] = [];
    for (const id of sourceIds(request)) sources.push(await this.adapters.get(id));
    return { job, request, sources };
  }

  /**
   * Records what a compute process made: its adapters, then the outcome, unless the job has one. A job that was cancelled
   * or deleted meanwhile gets neither.
   * @returns null where nothing was recorded
   * @throws AppError STORAGE_*
   */
  async keep({ job, adapters, totals }: Made): Promise<JobTotals> {
    for (const { described, parentId } of adapters) {
      if (!(await this.isWanted(job.id))) return this.drop(job.id);
      await this.adapters.adopt(described, { parentId, jobId: job.id });
    }
    if (!(await this.isWanted(job.id))) return this.drop(job.id);
    await this.jobs.finish(job);
    // Deleted in this moment: it does not come back by its outcome.
    if (await this.store.stat(jobKey(job.id))) return totals;
    await this.store.remove(outcomeKey(job.id));
    return this.drop(job.id);
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
