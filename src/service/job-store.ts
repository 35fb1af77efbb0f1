import type { JobRecord } from '../contract/job.ts';
import type { Report } from '../contract/report.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { jobKey, outcomeKey, PENDING_PREFIX, pendingKey, reportKey } from './layout.ts';

export const isFinal = (record: JobRecord): boolean => record.state !== 'queued' && record.state !== 'active';

/**
 * The record of every job in the storage. Redis may lose everything; this may not. Of several attempts that come to
 * an end (a worker thought dead was not), the first one is the job's outcome.
 * All methods throw AppError STORAGE_FAILED or STORAGE_FULL.
 */
export class JobStore {
  private readonly blobs: BlobStore;

  constructor(blobs: BlobStore) {
    this.blobs = blobs;
  }

  /** Makes an accepted job durable. */
  async accept(record: JobRecord): Promise<void> {
    await this.blobs.put(pendingKey(record.id), new Uint8Array());
    await this.blobs.put(jobKey(record.id), encode(record));
  }

  /** The job as it ended or else as it was accepted; what a running one does is known to the queue only. */
  async get(jobId: string): Promise<JobRecord | undefined> {
    return (await this.read<JobRecord>(outcomeKey(jobId))) ?? (await this.read<JobRecord>(jobKey(jobId)));
  }

  /** Records the end of a job. False when it already had one, which then stands. */
  async finish(record: JobRecord): Promise<boolean> {
    if (!isFinal(record)) throw new TypeError(`Job ${record.id} is ${record.state}, not final`);
    const isFirst = await this.blobs.create(outcomeKey(record.id), encode(record));
    await this.settle(record.id);
    return isFirst;
  }

  /** Takes back a job that was never queued. */
  async discard(jobId: string): Promise<void> {
    await this.blobs.remove(jobKey(jobId));
    await this.settle(jobId);
  }

  /** Ids of the jobs that may not be final yet, oldest first. */
  async pending(): Promise<string[]> {
    const keys = await this.blobs.list(PENDING_PREFIX);
    return keys.map((key) => key.slice(PENDING_PREFIX.length));
  }

  /** Removes the mark of a job that is final, or gone. */
  async settle(jobId: string): Promise<void> {
    await this.blobs.remove(pendingKey(jobId));
  }

  async putReport(report: Report): Promise<void> {
    await this.blobs.put(reportKey(report.job_id), encode(report));
  }

  getReport(jobId: string): Promise<Report | undefined> {
    return this.read<Report>(reportKey(jobId));
  }

  private async read<T>(key: string): Promise<T | undefined> {
    const bytes = await this.blobs.get(key);
    return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as T);
  }
}

const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
