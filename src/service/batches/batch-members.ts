import { LRUCache } from 'lru-cache';
import type { BatchJob } from '../../contract/batch.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { JobStore } from '../job-store.ts';
import { type BatchManifest, jobsOf } from './batch-manifest.ts';
import { batchJob } from './batch-record.ts';
import { eachBounded } from './bounded.ts';

const READ_AT_ONCE = 32;

/** Jobs that ended, by their ids, which are unlike everywhere. A batch that is looked at every second reads each once. */
const ENDED = new LRUCache<string, BatchJob>({ max: 10_000 });

/** Reads what became of the jobs of batches. All methods throw AppError STORAGE_*. */
export class BatchMembers {
  private readonly jobs: JobStore;

  constructor(blobs: BlobStore) {
    this.jobs = new JobStore(blobs);
  }

  /**
   * The jobs of a batch, in its order.
   * @param active ids of the jobs that run now; others that have not ended are queued
   */
  async read(manifest: BatchManifest, active: ReadonlySet<string>): Promise<BatchJob[]> {
    const accepted = new Map(jobsOf(manifest).map((job) => [job.id, job]));
    return eachBounded(manifest.members, READ_AT_ONCE, async (member) => {
      const known = member.reused ?? ENDED.get(member.id);
      if (known) return known;
      const ended = await this.jobs.outcome(member.id);
      const job = batchJob(ended ?? accepted.get(member.id)!, false);
      if (ended) ENDED.set(member.id, job);
      else if (active.has(member.id)) return { ...job, state: 'active' };
      return job;
    });
  }
}
