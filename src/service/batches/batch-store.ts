import type { BatchRecord } from '../../contract/batch.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import {
  batchCancelKey,
  batchKey,
  batchOutcomeKey,
  PENDING_BATCHES_PREFIX,
  pendingBatchKey,
} from '../layout.ts';
import type { BatchManifest } from './batch-manifest.ts';

/** A batch that may lack its outcome, or whose end was not announced. */
export interface PendingBatch {
  readonly id: string;
  /** Whether all its jobs have their records. */
  readonly isOpened: boolean;
}

/** What a pending mark says when the batch's jobs have their records. */
const OPENED = Buffer.from('opened');

/** The records of batches in the storage. All methods throw AppError STORAGE_FAILED or STORAGE_FULL. */
export class BatchStore {
  private readonly blobs: BlobStore;

  constructor(blobs: BlobStore) {
    this.blobs = blobs;
  }

  /** Makes a batch durable, all of it at once. */
  async accept(manifest: BatchManifest): Promise<void> {
    await this.blobs.put(pendingBatchKey(manifest.id), new Uint8Array());
    await this.blobs.put(batchKey(manifest.id), encode(manifest));
  }

  /** Notes that all jobs of a batch have their records. */
  async opened(batchId: string): Promise<void> {
    await this.blobs.put(pendingBatchKey(batchId), OPENED);
  }

  get(batchId: string): Promise<BatchManifest | undefined> {
    return this.read<BatchManifest>(batchKey(batchId));
  }

  outcome(batchId: string): Promise<BatchRecord | undefined> {
    return this.read<BatchRecord>(batchOutcomeKey(batchId));
  }

  /** Records how a batch ended. False when that was known, which then stands. */
  finish(record: BatchRecord): Promise<boolean> {
    return this.blobs.create(batchOutcomeKey(record.id), encode(record));
  }

  /** From now on no job of the batch begins. */
  async cancel(batchId: string): Promise<void> {
    await this.blobs.put(batchCancelKey(batchId), new Uint8Array());
  }

  async isCancelled(batchId: string): Promise<boolean> {
    return (await this.blobs.stat(batchCancelKey(batchId))) !== undefined;
  }

  /** Oldest first. */
  async pending(): Promise<PendingBatch[]> {
    const keys = await this.blobs.list(PENDING_BATCHES_PREFIX);
    const marks = await Promise.all(keys.map((key) => this.blobs.stat(key)));
    return keys.map((key, index) => ({
      id: key.slice(PENDING_BATCHES_PREFIX.length),
      isOpened: (marks[index]?.bytes ?? 0) > 0,
    }));
  }

  async isPending(batchId: string): Promise<boolean> {
    return (await this.blobs.stat(pendingBatchKey(batchId))) !== undefined;
  }

  /** Removes the mark of a batch whose end was announced, or that is gone. */
  async settle(batchId: string): Promise<void> {
    await this.blobs.remove(pendingBatchKey(batchId));
  }

  /** Removes a batch; without its first record it is gone for everybody. */
  async remove(batchId: string): Promise<void> {
    for (const key of [batchKey, batchOutcomeKey, batchCancelKey, pendingBatchKey])
      await this.blobs.remove(key(batchId));
  }

  private async read<T>(key: string): Promise<T | undefined> {
    const bytes = await this.blobs.get(key);
    return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as T);
  }
}

const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
