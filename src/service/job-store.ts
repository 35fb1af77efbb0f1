import type { JobRecord } from '../contract/job.ts';
import type { Report } from '../contract/report.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { jobKey, outcomeKey, PENDING_PREFIX, pendingKey, reportKey } from './layout.ts';
import { hasTransfers, withoutSecrets } from './transfer-desk.ts';

export const isFinal = (record: JobRecord): boolean => record.state !== 'queued' && record.state !== 'active';

/**
 * The record of every job in the storage. Redis may lose everything; this may not. Of several attempts that come to
 * an end (a worker thought dead was not), the first one is the job's outcome.
 * All methods throw AppError STORAGE_FAILED or STORAGE_FULL.
 */
export class JobStore {
  private readonly blobs: BlobStore;
  private readonly defaultTtlSeconds: number | undefined;

  /** @param defaultTtlSeconds how long jobs stay of which nobody says it; undefined: they are kept */
  constructor(blobs: BlobStore, defaultTtlSeconds?: number) {
    this.blobs = blobs;
    this.defaultTtlSeconds = defaultTtlSeconds;
  }

  /** Makes an accepted job durable. */
  async accept(record: JobRecord): Promise<void> {
    await this.blobs.put(pendingKey(record.id), new Uint8Array());
    await this.blobs.put(jobKey(record.id), encode(record));
  }

  /**
   * The job as it ended or else as it was accepted, without secrets; what a running one does is known to the queue only.
   */
  async get(jobId: string): Promise<JobRecord | undefined> {
    const record = (await this.outcome(jobId)) ?? (await this.withSecrets(jobId));
    return record && { ...record, request: withoutSecrets(record.request) };
  }

  /** The job as it was accepted, with what is sealed in it: for who does it. */
  withSecrets(jobId: string): Promise<JobRecord | undefined> {
    return this.read<JobRecord>(jobKey(jobId));
  }

  /** The job as it ended, if it has. */
  outcome(jobId: string): Promise<JobRecord | undefined> {
    return this.read<JobRecord>(outcomeKey(jobId));
  }

  /**
   * Records the end of a job, which then has to be announced (webhooks/outbox.ts): that removes its pending mark. False
   * when it already had one, which then stands.
   */
  async finish(record: JobRecord): Promise<boolean> {
    if (!isFinal(record)) throw new TypeError(`Job ${record.id} is ${record.state}, not final`);
    const isFirst = await this.blobs.create(
      outcomeKey(record.id),
      encode({ ...record, ...expiryOf(record, this.defaultTtlSeconds) }),
    );
    if (hasTransfers(record.request)) await this.forgetSecrets(record.id);
    return isFirst;
  }

  private async forgetSecrets(jobId: string): Promise<void> {
    const accepted = await this.withSecrets(jobId);
    if (accepted)
      await this.blobs.put(jobKey(jobId), encode({ ...accepted, request: withoutSecrets(accepted.request) }));
  }

  /** Takes back a job that was never queued. */
  async discard(jobId: string): Promise<void> {
    await this.blobs.remove(jobKey(jobId));
    await this.settle(jobId);
  }

  /** Ids of the jobs that may not be final yet, or whose end was not announced, oldest first. */
  async pending(): Promise<string[]> {
    const keys = await this.blobs.list(PENDING_PREFIX);
    return keys.map((key) => key.slice(PENDING_PREFIX.length));
  }

  async isPending(jobId: string): Promise<boolean> {
    return (await this.blobs.stat(pendingKey(jobId))) !== undefined;
  }

  /** Removes the mark of a job whose end was announced, or that is gone. */
  async settle(jobId: string): Promise<void> {
    await this.blobs.remove(pendingKey(jobId));
  }

  async putReport(report: Report): Promise<void> {
    await this.blobs.put(reportKey(report.job_id), encode(report));
  }

  getReport(jobId: string): Promise<Report | undefined> {
    return this.read<Report>(reportKey(jobId));
  }

  /** The report as it is stored: JSON in UTF-8, which takes long to parse where there are thousands of modules. */
  getReportBytes(jobId: string): Promise<Uint8Array | undefined> {
    return this.blobs.get(reportKey(jobId));
  }

  private async read<T>(key: string): Promise<T | undefined> {
    const bytes = await this.blobs.get(key);
    return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as T);
  }
}

/** A job is kept for its time from its end on; those of a run as long as the run. */
function expiryOf(
  { kind, finished_at, ttl_seconds }: JobRecord,
  defaultTtlSeconds: number | undefined,
): Pick<JobRecord, 'expires_at'> {
  const ttlSeconds = ttl_seconds ?? (kind === 'checkpoint' ? undefined : defaultTtlSeconds);
  const isKept = finished_at === null || ttlSeconds === undefined;
  return { expires_at: isKept ? null : new Date(Date.parse(finished_at) + ttlSeconds * 1000).toISOString() };
}

const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
