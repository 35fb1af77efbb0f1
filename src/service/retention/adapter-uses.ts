import type { BlobStore } from '../../storage/blob-store.ts';
import { jobsOf } from '../batches/batch-manifest.ts';
import { BatchStore } from '../batches/batch-store.ts';
import { isFinal, JobStore } from '../job-store.ts';
import { ADAPTER_READS_PREFIX, adapterReadKey } from '../layout.ts';
import { sourceIds } from '../source-ids.ts';

const READ_AT_ONCE = 50;

interface Use {
  readonly jobId: string;
  readonly adapterIds: readonly string[];
}

/** Which adapters a tenant's unfinished jobs read, and those that are about to be accepted. All methods throw AppError STORAGE_*. */
export class AdapterUses {
  private readonly store: BlobStore;
  private readonly jobs: JobStore;
  private readonly batches: BatchStore;

  constructor(store: BlobStore) {
    this.store = store;
    this.jobs = new JobStore(store);
    this.batches = new BatchStore(store);
  }

  /** Tells that a job which reads an adapter is about to be accepted. */
  async announce(jobId: string, adapterId: string): Promise<void> {
    await this.store.put(adapterReadKey(jobId), Buffer.from(adapterId));
  }

  /** The job was accepted, and speaks for itself. */
  async settle(jobId: string): Promise<void> {
    await this.store.remove(adapterReadKey(jobId));
  }

  /** A job that reads the adapter and has not ended, if there is one. */
  async of(adapterId: string): Promise<string | undefined> {
    for await (const { jobId, adapterIds } of this.each()) if (adapterIds.includes(adapterId)) return jobId;
    return undefined;
  }

  private async *each(): AsyncGenerator<Use> {
    // Before the jobs: they may get their records in this moment.
    yield* await this.announced();
    yield* await this.ofBatches();
    const jobIds = await this.jobs.pending();
    for (let begin = 0; begin < jobIds.length; begin += READ_AT_ONCE) {
      const some = jobIds.slice(begin, begin + READ_AT_ONCE);
      const reads = some.map(async (jobId) => ({ jobId, adapterIds: await this.readBy(jobId) }));
      yield* await Promise.all(reads);
    }
  }

  private async announced(): Promise<Use[]> {
    const keys = await this.store.list(ADAPTER_READS_PREFIX);
    const ids = await Promise.all(keys.map((key) => this.store.get(key)));
    return keys.flatMap((key, index) => {
      const id = ids[index];
      const jobId = key.slice(ADAPTER_READS_PREFIX.length);
      return id ? [{ jobId, adapterIds: [Buffer.from(id).toString('latin1')] }] : [];
    });
  }

  /** Of batches whose jobs have no records yet. */
  private async ofBatches(): Promise<Use[]> {
    const unopened = (await this.batches.pending()).filter(({ isOpened }) => !isOpened);
    const manifests = await Promise.all(unopened.map(({ id }) => this.batches.get(id)));
    return manifests.flatMap((manifest) =>
      manifest
        ? jobsOf(manifest).map(({ id, request }) => ({ jobId: id, adapterIds: sourceIds(request) }))
        : [],
    );
  }

  private async readBy(jobId: string): Promise<readonly string[]> {
    const record = await this.jobs.get(jobId);
    return record && !isFinal(record) ? sourceIds(record.request) : [];
  }
}
