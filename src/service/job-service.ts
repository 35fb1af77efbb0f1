import type { Readable } from 'node:stream';
import type { AdapterFile } from '../contract/adapter.ts';
import type { JobRecord } from '../contract/job.ts';
import type { JobRequest, RecordedJobRequest } from '../contract/job-request.ts';
import type { Report } from '../contract/report.ts';
import { AppError } from '../errors.ts';
import { checkTargets } from '../serving/check-targets.ts';
import type { BlobStore, ByteRange } from '../storage/blob-store.ts';
import { acceptedJob, taken } from './accepted-job.ts';
import type { AdapterService } from './adapter-service.ts';
import { bytesOf, streamOf } from './content/content-files.ts';
import { SharedRequests } from './job-control/shared-requests.ts';
import type { JobQueue, QueuedState } from './job-queue.ts';
import { isFinal, type JobStore } from './job-store.ts';
import { isJobId, newJobId } from './layout.ts';
import type { Observer } from './observer.ts';
import { sourceIds } from './source-ids.ts';
import { hasTransfers, type TransferDesk, withoutSecrets } from './transfer-desk.ts';
import { isQueueTrouble } from './without-queue.ts';

/** What jobs are accepted for and with. */
export interface JobServiceParts {
  /** What the tenant sees of the storage: reports and files of jobs. */
  readonly blobs: BlobStore;
  readonly jobStore: JobStore;
  readonly adapters: Pick<AdapterService, 'get' | 'find'>;
  readonly queue: JobQueue;
  readonly tenant: string;
  readonly observer?: Observer;
  /** undefined: nothing is fetched from or brought to elsewhere. */
  readonly desk?: TransferDesk | undefined;
}

/** Accepts jobs, and tells what became of them. All methods throw AppError DATABASE_UNAVAILABLE, those that write STORAGE_FULL. */
export class JobService {
  private readonly parts: JobServiceParts;
  private readonly jobs: JobStore;
  private readonly requests: SharedRequests;

  constructor(parts: JobServiceParts) {
    this.parts = parts;
    this.jobs = parts.jobStore;
    this.requests = new SharedRequests(parts.jobStore, parts.adapters);
  }

  /**
   * Accepts a job, or finds the one that does the same already (`reused`): it is durable before it is queued, so that
   * one the client knows of survives the loss of Redis.
   * @throws AppError UNKNOWN_PROFILE, VALIDATION_FAILED for targets that their profile cannot load
   * @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, SECRETS_UNAVAILABLE for what is fetched and brought
   * @throws AppError ADAPTER_NOT_FOUND, QUEUE_UNAVAILABLE, STORAGE_FAILED, STORAGE_FULL
   */
  async submit(request: JobRequest): Promise<JobRecord> {
    const { work, treatment } = taken(request, this.parts.desk);
    await this.check(work);
    const record = acceptedJob(newJobId(Date.now()), work, treatment);
    return treatment.reuse && !hasTransfers(work) ? this.acceptOnce(record) : this.accept(record);
  }

  /**
   * Throws unless what a request asks for can be tried.
   * @throws AppError UNKNOWN_PROFILE, VALIDATION_FAILED, ADAPTER_NOT_FOUND
   */
  async check(work: RecordedJobRequest): Promise<void> {
    if ('targets' in work) checkTargets(work.targets);
    for (const id of sourceIds(work)) await this.parts.adapters.get(id);
  }

  /**
   * Accepts a job and queues it; without the queue there is no job then.
   * @param offered whether it stands for later requests of the same, where no other job does. From then on others may
   * find it, so it is not taken back when the queue fails in the moment after it answered: it is queued later.
   * @throws AppError QUEUE_UNAVAILABLE, STORAGE_*
   */
  async accept(record: JobRecord, { offered = false } = {}): Promise<JobRecord> {
    if (offered) await this.parts.queue.state(record.id);
    await this.jobs.accept([record], { offered });
    try {
      await this.enqueue(record);
    } catch (error) {
      // Redis may have taken the job although its answer was lost: without a record it is nothing to the worker.
      if (!offered) await this.jobs.remove(record.id);
      throw error;
    }
    return { ...record, request: withoutSecrets(record.request) };
  }

  /**
   * Accepts a job unless another one stands for its request, which then is the answer. It is not taken back when the
   * queue fails, as with `offered`.
   * @throws AppError QUEUE_UNAVAILABLE, STORAGE_*
   */
  private async acceptOnce(record: JobRecord): Promise<JobRecord> {
    for (;;) {
      const known = await this.requests.find(record.request);
      if (!known) await this.parts.queue.state(record.id);
      const holder = known ?? (await this.requests.accept(record));
      if (holder.id === record.id) {
        await this.enqueue(record);
        return record;
      }
      const job = await this.queued(holder);
      // Deleted in this moment.
      if (!job) continue;
      this.parts.observer?.onReused?.(job);
      return { ...job, reused: true };
    }
  }

  /**
   * A job as it stands now, which is queued where that has not happened, or was lost. May be called again and again, by
   * several processes at once: a job that is queued twice is done once.
   * @throws AppError JOB_NOT_FOUND; QUEUE_UNAVAILABLE (it is queued later)
   */
  async ensure(jobId: string): Promise<JobRecord> {
    return (await this.queued(await this.recorded(jobId))) ?? this.recorded(jobId);
  }

  /** undefined: it was deleted meanwhile. */
  private async queued(known: JobRecord): Promise<JobRecord | undefined> {
    if (isFinal(known)) return known;
    const live = await this.parts.queue.state(known.id);
    if (live) return withLive(known, live);
    // Not in the queue: it ended meanwhile, or it never got there.
    const record = await this.jobs.get(known.id);
    if (record && !isFinal(record)) await this.enqueue(record);
    return record;
  }

  /**
   * A job as it stands now: the record when it is final, else with what the queue knows.
   * @throws AppError JOB_NOT_FOUND; QUEUE_UNAVAILABLE while a job that is not final cannot be followed
   */
  async get(jobId: string): Promise<JobRecord> {
    const record = await this.recorded(jobId);
    if (isFinal(record)) return record;
    const live = await this.parts.queue.state(jobId);
    // Not in the queue: it ended meanwhile, or Redis lost it and JobKeeper will queue it again.
    if (!live) return this.recorded(jobId);
    return withLive(record, live);
  }

  /** @throws AppError JOB_NOT_FOUND, REPORT_NOT_READY */
  async report(jobId: string): Promise<Report> {
    const { bytes } = await this.storedReport(jobId);
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as Report;
  }

  /**
   * A job with its report as it is stored: JSON in UTF-8.
   * @throws AppError JOB_NOT_FOUND, REPORT_NOT_READY
   */
  async storedReport(jobId: string): Promise<{ readonly job: JobRecord; readonly bytes: Uint8Array }> {
    const record = await this.recorded(jobId);
    const report = record.state === 'succeeded' ? await this.jobs.file(jobId, 'report') : undefined;
    if (report) return { job: record, bytes: await bytesOf(this.parts.blobs, report) };
    const why = isFinal(record)
      ? `Job ${jobId} ${record.state}, so it has no report.`
      : `Job ${jobId} has not finished yet; its report comes with its results.`;
    throw new AppError('REPORT_NOT_READY', why, { job_id: jobId, state: record.state });
  }

  /**
   * A file that a job wrote beside its adapters.
   * @throws AppError JOB_NOT_FOUND, FILE_NOT_FOUND
   */
  async file(jobId: string, name: string): Promise<AdapterFile> {
    const record = await this.recorded(jobId);
    const files = record.results.flatMap(({ training }) => training?.files ?? []);
    const file = files.find((candidate) => candidate.name === name);
    if (file) return file;
    const known = [...new Set(files.map((candidate) => candidate.name))];
    const has =
      known.length > 0 ? known.join(', ') : isFinal(record) ? 'none' : 'none before it has finished';
    throw new AppError('FILE_NOT_FOUND', `Job ${jobId} has no file ${JSON.stringify(name)}; it has ${has}.`, {
      job_id: jobId,
      name,
      known,
    });
  }

  /**
   * A stream of a file that `file` returned, or of a range of it that lies inside.
   * @throws AppError JOB_NOT_FOUND, STORAGE_*
   */
  async readFile(jobId: string, { sha256 }: AdapterFile, range?: ByteRange): Promise<Readable> {
    const file = await this.jobs.file(jobId, 'training', sha256);
    if (!file) throw new AppError('JOB_NOT_FOUND', `There is no job ${jobId}.`, { job_id: jobId });
    return streamOf(this.parts.blobs, file, range);
  }

  /**
   * The job once it is final, or as it stands after `timeoutMs`. The job is accepted already, so a queue that cannot
   * be reached is no error here: the record is returned as it is.
   * @throws AppError JOB_NOT_FOUND
   */
  async wait(jobId: string, timeoutMs: number): Promise<JobRecord> {
    const record = await this.recorded(jobId);
    if (isFinal(record)) return record;
    try {
      await this.parts.queue.waitUntilFinished(jobId, timeoutMs);
      return await this.get(jobId);
    } catch (error) {
      if (isQueueTrouble(error)) return this.recorded(jobId);
      throw error;
    }
  }

  /** Queues a job that is durable. @throws AppError QUEUE_UNAVAILABLE */
  enqueue({ id, priority }: JobRecord): Promise<void> {
    return this.parts.queue.add(id, { tenant: this.parts.tenant, priority });
  }

  /** A job as the database knows it, which tells nothing of one that runs. @throws AppError JOB_NOT_FOUND */
  async recorded(jobId: string): Promise<JobRecord> {
    const record = isJobId(jobId) ? await this.jobs.get(jobId) : undefined;
    if (!record) throw new AppError('JOB_NOT_FOUND', `There is no job ${jobId}.`, { job_id: jobId });
    return record;
  }
}

/** A job that is not final, with what the queue knows of it. */
export const withLive = (record: JobRecord, live: QueuedState): JobRecord => ({
  ...record,
  state: live.state,
  progress: live.progress ?? record.progress,
  started_at: live.startedAt?.toISOString() ?? null,
  attempts: live.attempts,
});
