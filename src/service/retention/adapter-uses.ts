import type { BlobStore } from '../../storage/blob-store.ts';
import { jobsOf } from '../batches/batch-manifest.ts';
import { BatchStore } from '../batches/batch-store.ts';
import type { JobStore } from '../job-store.ts';
import { sourceIds } from '../source-ids.ts';

/** Which adapters a tenant's unfinished jobs read, and those that are about to be accepted. */
export class AdapterUses {
  private readonly batches: BatchStore;
  private readonly jobs: Pick<JobStore, 'reading'>;

  constructor(store: BlobStore, jobs: Pick<JobStore, 'reading'>) {
    this.batches = new BatchStore(store);
    this.jobs = jobs;
  }

  /**
   * A job that reads the adapter and has not ended, if there is one.
   * @throws AppError DATABASE_UNAVAILABLE, STORAGE_*
   */
  async of(adapterId: string): Promise<string | undefined> {
    // Batches first: their jobs may be accepted in this moment.
    return (await this.inBatches(adapterId)) ?? this.jobs.reading(adapterId);
  }

  /** Of batches whose jobs have no records yet. */
  private async inBatches(adapterId: string): Promise<string | undefined> {
    const unopened = (await this.batches.pending()).filter(({ isOpened }) => !isOpened);
    const manifests = await Promise.all(unopened.map(({ id }) => this.batches.get(id)));
    return manifests
      .flatMap((manifest) => (manifest ? jobsOf(manifest) : []))
      .find(({ request }) => sourceIds(request).includes(adapterId))?.id;
  }
}
