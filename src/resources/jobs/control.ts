import type { JobRecord } from '../../contract/job.ts';
import type { JobPatch, JobPriority } from '../../contract/job-request.ts';
import { newJobId } from '../../database/ids.ts';
import type { JobQueue } from '../../dispatch/job-queue.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { acceptedJob } from './accepted-job.ts';
import type { JobObserver } from './executions/job-changes.ts';
import { checkedPriority, PRIORITY_ERRORS } from './priority-ceiling.ts';
import type { JobService } from './service.ts';
import { readProgress } from './service.ts';
import { isFinal, type JobStore } from './store.ts';
import { hasLostSecrets, secretsGone, withoutSecrets } from './transfer-requests.ts';

export interface JobControlParts {
  readonly blobs: BlobStore;
  readonly jobs: JobService;
  readonly jobStore: JobStore;
  readonly batchStore: { isActive(batchId: string): Promise<boolean> };
  readonly queue: Pick<JobQueue, 'progress'>;
  readonly observer?: JobObserver;
}

/** The errors of the methods; the routes derive the codes of their responses from them. */
export const JOB_CONTROL_ERRORS = {
  cancel: ['JOB_NOT_FOUND', 'JOB_FINAL', 'STORAGE_FULL'],
  retry: [
    'JOB_NOT_FOUND',
    'JOB_NOT_FINAL',
    'JOB_SUCCEEDED',
    'SECRETS_GONE',
    ...PRIORITY_ERRORS,
    'JOB_OF_RUN',
    'ADAPTER_NOT_FOUND',
    'ADAPTER_EXPIRED',
    'STORAGE_FULL',
    'STORAGE_FAILED',
  ],
  retryDeliveries: ['JOB_NOT_FOUND', 'JOB_NOT_FINAL', 'DELIVERIES_SUCCEEDED', 'SECRETS_GONE', 'STORAGE_FULL'],
  remove: [
    'JOB_NOT_FOUND',
    'JOB_NOT_FINAL',
    'JOB_OF_RUN',
    'BATCH_NOT_FINAL',
    'STORAGE_FULL',
    'STORAGE_FAILED',
  ],
  change: ['JOB_NOT_FOUND', 'STORAGE_FULL'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * Operations on a job after it was accepted. All methods throw AppError JOB_NOT_FOUND, DATABASE_UNAVAILABLE,
 * STORAGE_FULL.
 */
export class JobControl {
  private readonly parts: JobControlParts;
  private readonly store: JobStore;

  constructor(parts: JobControlParts) {
    this.parts = parts;
    this.store = parts.jobStore;
  }

  /**
   * Cancels a job. If a worker runs its execution for no other job, it notices within a second and stops at the next
   * module; its outcome is discarded.
   * @returns the cancelled job, even if it was cancelled before
   * @throws AppError JOB_FINAL if it ended in another way
   */
  async cancel(jobId: string): Promise<JobRecord> {
    const { jobs } = this.parts;
    const record = await jobs.recorded(jobId);
    const [ended] = isFinal(record) ? [] : await this.cancelAll([jobId]);
    return ended ?? cancelled(await jobs.recorded(jobId));
  }

  /** Cancels those of the jobs that have not ended. @returns the jobs that were cancelled now */
  async cancelAll(jobIds: readonly string[]): Promise<JobRecord[]> {
    const progress = await readProgress(this.store, this.parts.queue, jobIds);
    const ended = await this.store.cancelAll(jobIds, progress);
    for (const job of ended) this.parts.observer?.onCancelled?.(job);
    return ended;
  }

  /**
   * Repeats a job that failed, even in part, or was cancelled. The new job has the same request and the same options and
   * does all of the work again.
   * @param ceiling the highest priority that the caller may give
   * @throws AppError JOB_NOT_FINAL, JOB_SUCCEEDED, JOB_OF_RUN, SECRETS_GONE, PRIORITY_TOO_HIGH; ADAPTER_NOT_FOUND
   */
  async retry(jobId: string, id = newJobId(Date.now()), ceiling: JobPriority = 'high'): Promise<JobRecord> {
    const { jobs } = this.parts;
    const record = ownFinal(await jobs.recorded(jobId), 'retried', 'send the checkpoint again');
    if (record.state === 'succeeded') {
      const message = `Job ${jobId} succeeded. To repeat it, submit its request with "reuse": false.`;
      throw new AppError('JOB_SUCCEEDED', message, { job_id: jobId });
    }
    if (hasLostSecrets(record.request)) throw secretsGone(jobId);
    checkedPriority(record.priority, ceiling);
    await jobs.check(record.request);
    const { name, labels, priority, ttl_seconds: ttlSeconds, webhook_id: webhookId } = record;
    const inherited = { name, labels, priority, ttlSeconds, webhookId };
    const options = { ...inherited, reuse: false, batchId: null, retryOf: jobId };
    return jobs.accept({ job: acceptedJob(id, record.request, options), reuse: false });
  }

  /**
   * Tries the failed deliveries of a job again. The job itself keeps its final state.
   * @throws AppError JOB_NOT_FINAL, DELIVERIES_SUCCEEDED, SECRETS_GONE
   */
  async retryDeliveries(jobId: string): Promise<JobRecord> {
    const record = await this.parts.jobs.recorded(jobId);
    if (!isFinal(record)) throw notFinal(record, 'its deliveries will still be tried');
    const again = await this.store.retryDeliveries(jobId);
    if (again) return { ...again, request: withoutSecrets(again.request) };
    const message = `Job ${jobId} has no failed delivery.`;
    throw new AppError('DELIVERIES_SUCCEEDED', message, { job_id: jobId });
  }

  /**
   * Removes the record of a job, but not its results, which are adapters like any other.
   * @throws AppError JOB_NOT_FINAL, JOB_OF_RUN, BATCH_NOT_FINAL
   */
  async remove(jobId: string): Promise<void> {
    const { jobs, batchStore } = this.parts;
    const record = ownFinal(await jobs.recorded(jobId), 'deleted', 'delete the run');
    const { batch_id } = record;
    if (batch_id !== null && (await batchStore.isActive(batch_id))) {
      const message = `Job ${jobId} belongs to batch ${batch_id}, which has not ended yet.`;
      throw new AppError('BATCH_NOT_FINAL', message, { job_id: jobId, batch_id });
    }
    await this.erase(record);
  }

  /** Removes jobs that have ended, whether or not they belong to a batch or a run. */
  erase(...jobs: readonly Pick<JobRecord, 'id'>[]): Promise<void> {
    return this.store.remove(...jobs.map(({ id }) => id));
  }

  /** Changes the name or the labels of a job, whatever its state. @returns the job as the database knows it, without asking the queue */
  async change(jobId: string, patch: JobPatch): Promise<JobRecord> {
    const { jobs } = this.parts;
    await jobs.recorded(jobId);
    await this.store.change(jobId, patch);
    return jobs.wait(jobId, 0);
  }
}

function cancelled(record: JobRecord): JobRecord {
  if (record.state === 'cancelled') return record;
  throw new AppError('JOB_FINAL', `Job ${record.id} has already ended; its state is "${record.state}".`, {
    job_id: record.id,
    state: record.state,
  });
}

/** A job that has ended and does not belong to a run. @param instead what to do if it does */
function ownFinal(record: JobRecord, done: string, instead: string): JobRecord {
  const { id, request } = record;
  if (request.kind === 'checkpoint') {
    const message = `Job ${id} belongs to run ${request.run_id}, so it cannot be ${done}; ${instead}.`;
    throw new AppError('JOB_OF_RUN', message, { job_id: id, run_id: request.run_id });
  }
  if (isFinal(record)) return record;
  throw notFinal(record, `it cannot be ${done}; cancel it first`);
}

function notFinal({ id, state }: JobRecord, why: string): AppError {
  const message = `Job ${id} has not ended yet, so ${why}.`;
  return new AppError('JOB_NOT_FINAL', message, { job_id: id, state });
}
