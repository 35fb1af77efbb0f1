import type { BatchRecord } from '../../contract/batch.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { JobStore } from '../job-store.ts';
import type { Observer } from '../observer.ts';
import type { Outbox } from '../webhooks/outbox.ts';
import { announceBatch } from './announce-batch.ts';
import { BatchMembers } from './batch-members.ts';
import { batchRecord, isFinished } from './batch-record.ts';
import { BatchStore } from './batch-store.ts';

const NONE: ReadonlySet<string> = new Set();

/**
 * Ends batches. Whoever finds that all jobs of a batch have ended may do it, several at once and again after a crash:
 * the first outcome stands, and the batch's mark goes when it was announced.
 */
export class BatchFinisher {
  private readonly store: BatchStore;
  private readonly members: BatchMembers;
  private readonly outbox: Pick<Outbox, 'publish'>;
  private readonly observer: Observer;

  constructor(
    blobs: BlobStore,
    jobs: Pick<JobStore, 'all'>,
    outbox: Pick<Outbox, 'publish'>,
    observer: Observer = {},
  ) {
    this.store = new BatchStore(blobs);
    this.members = new BatchMembers(jobs);
    this.outbox = outbox;
    this.observer = observer;
  }

  /**
   * The outcome of a batch, written now if all its jobs have ended; undefined while they have not, or when it is gone.
   * @throws AppError STORAGE_*
   */
  async finish(batchId: string): Promise<BatchRecord | undefined> {
    const ended = (await this.store.outcome(batchId)) ?? (await this.end(batchId));
    if (ended && (await this.store.isPending(batchId))) {
      await announceBatch(this.outbox, ended);
      await this.store.settle(batchId);
    }
    return ended;
  }

  private async end(batchId: string): Promise<BatchRecord | undefined> {
    const manifest = await this.store.get(batchId);
    if (!manifest) return undefined;
    const jobs = await this.members.read(manifest, NONE);
    const record = batchRecord(manifest, jobs, await this.store.isCancelled(batchId));
    if (!isFinished(record)) return undefined;
    if (await this.store.finish(record)) this.observer.onBatchFinished?.(record);
    return this.store.outcome(batchId);
  }
}
