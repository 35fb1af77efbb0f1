import type { JobRecord } from '../../contract/job.ts';
import type { Labels } from '../../contract/labels.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { jobLabelsKey } from '../layout.ts';

/**
 * Labels that jobs got after they were accepted. They lie beside the records, because outcomes are written once. All
 * methods throw AppError STORAGE_*.
 */
export class JobLabels {
  private readonly blobs: BlobStore;

  constructor(blobs: BlobStore) {
    this.blobs = blobs;
  }

  /** A job's record with the labels it has now. */
  async applied(record: JobRecord): Promise<JobRecord> {
    const bytes = await this.blobs.get(jobLabelsKey(record.id));
    return bytes ? { ...record, labels: JSON.parse(Buffer.from(bytes).toString('utf8')) as Labels } : record;
  }

  async put(jobId: string, labels: Labels): Promise<void> {
    await this.blobs.put(jobLabelsKey(jobId), Buffer.from(JSON.stringify(labels)));
  }

  async remove(jobId: string): Promise<void> {
    await this.blobs.remove(jobLabelsKey(jobId));
  }
}
