import type { JobRecord } from '../../contract/job.ts';
import type { RecordedJobRequest } from '../../contract/job-request.ts';
import type { AdapterService } from '../adapter-service.ts';
import type { JobStore } from '../job-store.ts';

/**
 * Which job does what a request asks for. Of several equal requests at the same time, also to several processes, one has
 * its job and the others find it. All methods throw AppError DATABASE_UNAVAILABLE, STORAGE_*.
 */
export class SharedRequests {
  private readonly jobs: JobStore;
  private readonly adapters: Pick<AdapterService, 'find'>;

  constructor(jobs: JobStore, adapters: Pick<AdapterService, 'find'>) {
    this.jobs = jobs;
    this.adapters = adapters;
  }

  /** The job that stands for a request. One whose results are gone makes room for the next. */
  async find(work: RecordedJobRequest): Promise<JobRecord | undefined> {
    const job = await this.jobs.sharing(work);
    if (!job || (await this.hasResults(job))) return job;
    await this.jobs.unshare(job.id);
    return undefined;
  }

  /** Makes an accepted job durable, unless another one stands for its request. Returns the one that does. */
  async accept(accepted: JobRecord): Promise<JobRecord> {
    for (;;) {
      const known = await this.find(accepted.request);
      if (known) return known;
      if (await this.jobs.acceptSharing(accepted)) return accepted;
    }
  }

  private async hasResults({ results, expires_at }: JobRecord): Promise<boolean> {
    if (expires_at !== null && Date.parse(expires_at) <= Date.now()) return false;
    for (const { adapter_id } of results) if (!(await this.adapters.find(adapter_id))) return false;
    return true;
  }
}
