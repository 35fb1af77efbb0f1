import { LRUCache } from 'lru-cache';
import type { BatchJob } from '../../contract/batch.ts';
import { isFinal, type JobStore } from '../job-store.ts';
import { type BatchManifest, jobsOf } from './batch-manifest.ts';
import { batchJob } from './batch-record.ts';

/** Jobs that ended, by their ids, which are unlike everywhere. A batch that is looked at every second reads each once. */
const ENDED = new LRUCache<string, BatchJob>({ max: 10_000 });

/** Reads what became of the jobs of batches. All methods throw AppError DATABASE_UNAVAILABLE. */
export class BatchMembers {
  private readonly jobs: Pick<JobStore, 'all'>;

  constructor(jobs: Pick<JobStore, 'all'>) {
    this.jobs = jobs;
  }

  /**
   * The jobs of a batch, in its order.
   * @param active ids of the jobs that run now; others that have not ended are queued
   */
  async read(manifest: BatchManifest, active: ReadonlySet<string>): Promise<BatchJob[]> {
    const accepted = new Map(jobsOf(manifest).map((job) => [job.id, job]));
    const unknown = manifest.members.filter(({ id, reused }) => !reused && !ENDED.has(id));
    const records = await this.jobs.all(unknown.map(({ id }) => id));
    return manifest.members.map(({ id, reused }) => {
      const known = reused ?? ENDED.get(id);
      if (known) return known;
      const record = records.get(id);
      const job = batchJob(record ?? accepted.get(id)!, false);
      if (record && isFinal(record)) ENDED.set(id, job);
      return job.state === 'queued' && active.has(id) ? { ...job, state: 'active' } : job;
    });
  }
}
