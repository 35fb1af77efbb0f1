import type { BlobStore } from '../../storage/blob-store.ts';
import type { JobQueue } from '../job-queue.ts';
import { isFinal, type JobStore } from '../job-store.ts';
import { type BatchManifest, jobsOf } from './batch-manifest.ts';
import { BatchStore } from './batch-store.ts';

export interface OpenerParts {
  readonly blobs: BlobStore;
  readonly jobStore: JobStore;
  readonly queue: Pick<JobQueue, 'addBatch'>;
  readonly tenant: string;
}

/** Makes of an accepted batch the jobs that follow from it. Everything here may be done again. */
export class BatchOpener {
  private readonly parts: OpenerParts;
  private readonly store: BatchStore;

  constructor(parts: OpenerParts) {
    this.parts = parts;
    this.store = new BatchStore(parts.blobs);
  }

  /**
   * Accepts a batch's jobs, those that are missing if it was begun before. Later requests of the same find them.
   * @throws AppError DATABASE_UNAVAILABLE, STORAGE_*
   */
  async record(manifest: BatchManifest): Promise<void> {
    await this.parts.jobStore.accept(jobsOf(manifest), { offered: true });
    await this.store.opened(manifest.id);
  }

  /** Queues a batch with its jobs. @throws AppError QUEUE_UNAVAILABLE */
  async enqueue(manifest: BatchManifest): Promise<void> {
    await this.parts.queue.addBatch(manifest.id, jobsOf(manifest), this.parts.tenant);
  }

  /** Queues what is left of a batch that the queue does not hold. @returns how many jobs those are */
  async enqueueLeft(manifest: BatchManifest): Promise<number> {
    const records = await this.parts.jobStore.all(jobsOf(manifest).map(({ id }) => id));
    const left = jobsOf(manifest).filter(({ id }) => {
      const record = records.get(id);
      return record && !isFinal(record);
    });
    if (left.length > 0) await this.parts.queue.addBatch(manifest.id, left, this.parts.tenant);
    return left.length;
  }
}
