import { AppError } from '../../errors.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { AdapterService } from '../adapter-service.ts';
import { RequestIndex } from '../job-control/request-index.ts';
import type { JobQueue } from '../job-queue.ts';
import { isFinal, JobStore } from '../job-store.ts';
import { type BatchManifest, jobsOf } from './batch-manifest.ts';
import { BatchStore } from './batch-store.ts';
import { eachBounded } from './bounded.ts';

/** Writes wait for the disk; more at once than threads that wait for it gain nothing. */
const WRITE_AT_ONCE = 16;

export interface OpenerParts {
  readonly blobs: BlobStore;
  readonly adapters: Pick<AdapterService, 'get'>;
  readonly queue: Pick<JobQueue, 'addBatch'>;
  readonly tenant: string;
}

/** Makes of an accepted batch the jobs that follow from it. Everything here may be done again. */
export class BatchOpener {
  private readonly parts: OpenerParts;
  private readonly store: BatchStore;
  private readonly jobs: JobStore;
  private readonly requests: RequestIndex;

  constructor(parts: OpenerParts) {
    this.parts = parts;
    this.store = new BatchStore(parts.blobs);
    this.jobs = new JobStore(parts.blobs);
    this.requests = new RequestIndex(parts.blobs, parts.adapters);
  }

  /**
   * Writes the records of a batch's jobs, those that are missing if it was begun before.
   * @throws AppError STORAGE_*
   */
  async record(manifest: BatchManifest, isNew: boolean): Promise<void> {
    await eachBounded(jobsOf(manifest), WRITE_AT_ONCE, async (job) => {
      if (isNew || !(await this.jobs.get(job.id))) await this.jobs.accept(job);
    });
    await this.store.opened(manifest.id);
  }

  /** Queues a batch with its jobs. @throws AppError QUEUE_UNAVAILABLE */
  async enqueue(manifest: BatchManifest): Promise<void> {
    await this.parts.queue.addBatch(manifest.id, jobsOf(manifest), this.parts.tenant);
  }

  /** Queues what is left of a batch that the queue does not hold. @returns how many jobs those are */
  async enqueueLeft(manifest: BatchManifest): Promise<number> {
    const records = await eachBounded(jobsOf(manifest), WRITE_AT_ONCE, ({ id }) => this.jobs.get(id));
    const left = records.filter((job) => job !== undefined).filter((job) => !isFinal(job));
    if (left.length > 0) await this.parts.queue.addBatch(manifest.id, left, this.parts.tenant);
    return left.length;
  }

  /** Lets later requests of the same find the batch's jobs. It is accepted already, so nothing that fails here matters. */
  async offer(manifest: BatchManifest): Promise<void> {
    try {
      await eachBounded(jobsOf(manifest), WRITE_AT_ONCE, (job) => this.requests.claim(job));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }
}
