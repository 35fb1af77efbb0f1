import type { Readable } from 'node:stream';
import type { AdapterFile } from '../../contract/adapter.ts';
import type { JobRecord, Progress } from '../../contract/job.ts';
import type { JobPriority, JobRequest, RecordedJobRequest } from '../../contract/job-request.ts';
import type { Report } from '../../contract/report.ts';
import { END_TYPES } from '../../contract/webhook.ts';
import { isJobId, newJobId } from '../../database/ids.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { ignoreQueueFailure, type JobQueue } from '../../dispatch/job-queue.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { checkTargets } from '../../serving/check-targets.ts';
import type { BlobStore, ByteRange } from '../../storage/blob-store.ts';
import type { AdapterService } from '../adapters/service.ts';
import { readContent, streamContent } from '../contents/content-files.ts';
import { WakeSignal } from '../events/wake-signal.ts';
import { canonicalJson } from '../idempotency/fingerprint.ts';
import type { NewRequestWebhook, RequestWebhooks } from '../webhooks/request-webhook.ts';
import { acceptedJob, type SplitRequest, splitRequest, splitWithTransfers } from './accepted-job.ts';
import { sourceIds } from './adapters-of-request.ts';
import { ExecutionWatch } from './events/execution-watch.ts';
import type { NewJob } from './executions/accept-jobs.ts';
import type { JobObserver } from './executions/job-changes.ts';
import { fillPlaceholders } from './executions/report-ids.ts';
import { hasReport } from './job-end.ts';
import { isFinal, type JobFilter, type JobStore } from './store.ts';
import { type TransferRequests, withoutSecrets } from './transfer-requests.ts';

/**
 * How often a job is checked while a client waits for it. Events of the queue arrive sooner, but are lost if a
 * connection breaks or does not exist yet.
 */
const POLL_MS = { begin: 100, later: 1_000 } as const;
const BEGIN_MS = 1_000;

/** The parts that are needed to accept jobs. */
export interface JobServiceParts {
  /** The part of the storage that the tenant may see: reports and files of jobs. */
  readonly blobs: BlobStore;
  readonly jobStore: JobStore;
  readonly adapters: Pick<AdapterService, 'get'>;
  readonly queue: Pick<JobQueue, 'progress' | 'watch'>;
  readonly observer?: JobObserver;
  /** undefined: the service neither fetches nor delivers adapters. */
  readonly transfers?: TransferRequests | undefined;
  /** undefined: requests cannot have webhooks. */
  readonly requestWebhooks?: RequestWebhooks | undefined;
}

/** Errors of requests without sources and sinks elsewhere. */
const SUBMIT_HERE = [
  'UNKNOWN_PROFILE',
  'VALIDATION_FAILED',
  'OUTBOUND_URL_INVALID',
  'OUTBOUND_FORBIDDEN',
  'PRIORITY_TOO_HIGH',
  'SECRETS_UNAVAILABLE',
  'ADAPTER_NOT_FOUND',
  'ADAPTER_EXPIRED',
  'STORAGE_FAILED',
] as const;

/** The errors of the methods; the routes derive the codes of their responses from them. */
export const JOB_ERRORS = {
  submitHere: SUBMIT_HERE,
  submit: [
    ...SUBMIT_HERE,
    'CONNECTION_NOT_FOUND',
    'CONNECTION_NEEDED',
    'CONNECTION_AMBIGUOUS',
    'CONNECTION_FORBIDDEN',
    'STORAGE_FULL',
  ],
  get: ['JOB_NOT_FOUND'],
  storedReport: ['JOB_NOT_FOUND', 'REPORT_NOT_READY', 'STORAGE_FAILED'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/** A request for a job, checked as far as possible without its adapters. */
export interface PreparedJob extends SplitRequest {
  readonly webhook: NewRequestWebhook | undefined;
}

/**
 * Accepts jobs and returns their states. All methods throw AppError DATABASE_UNAVAILABLE, and those that write
 * STORAGE_FULL.
 */
export class JobService {
  private readonly parts: JobServiceParts;
  private readonly jobs: JobStore;

  constructor(parts: JobServiceParts) {
    this.parts = parts;
    this.jobs = parts.jobStore;
  }

  /**
   * Accepts a job. If its work was already done, it has its results immediately.
   * @param id if a job of the same request already has this id, it is returned
   * @param ceiling the highest priority that the caller may use
   * @throws AppError PRIORITY_TOO_HIGH
   * @throws AppError UNKNOWN_PROFILE, VALIDATION_FAILED for targets that their profile cannot load
   * @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, SECRETS_UNAVAILABLE, CONNECTION_* for sources and
   * destinations
   * @throws AppError ADAPTER_NOT_FOUND, ADAPTER_EXPIRED
   */
  async submit(request: JobRequest, id?: string, ceiling: JobPriority = 'high'): Promise<JobRecord> {
    return this.submitPrepared(await this.prepare(request, ceiling), id);
  }

  /** The part of `submit` that needs no adapter. @throws AppError as `submit`, except ADAPTER_* */
  async prepare(request: JobRequest, ceiling: JobPriority): Promise<PreparedJob> {
    const { transfers, requestWebhooks } = this.parts;
    const { work, options } = transfers
      ? await splitWithTransfers(request, ceiling, transfers.recorder())
      : splitRequest(request, ceiling);
    if ('targets' in work) checkTargets(work.targets);
    const webhook = request.webhook && requestWebhooks?.prepare(request.webhook, END_TYPES);
    return { work, options, webhook };
  }

  /** The rest of `submit`. @throws AppError VALIDATION_FAILED for targets that the adapter cannot have, ADAPTER_* */
  async submitPrepared(
    { work, options, webhook }: PreparedJob,
    id = newJobId(Date.now()),
  ): Promise<JobRecord> {
    await this.check(work);
    const job = acceptedJob(id, work, { ...options, webhookId: webhook?.id ?? null });
    return this.accept({ job, reuse: options.reuse, webhook });
  }

  /**
   * Refuses a request that cannot be executed.
   * @throws AppError UNKNOWN_PROFILE, VALIDATION_FAILED, ADAPTER_NOT_FOUND
   */
  async check(work: RecordedJobRequest): Promise<void> {
    if ('targets' in work) checkTargets(work.targets);
    for (const id of sourceIds(work)) {
      const source = await this.parts.adapters.get(id);
      if ('targets' in work) checkTargets(work.targets, source);
    }
  }

  /**
   * Records a job durably, unless it exists; it starts when workers have room for it. @throws AppError
   * ADAPTER_NOT_FOUND, ADAPTER_EXPIRED
   */
  async accept(wanted: NewJob): Promise<JobRecord> {
    const [job] = await this.jobs.accept([wanted]);
    if (!job) {
      const known = await this.get(wanted.job.id);
      const isSame = canonicalJson(known.request) === canonicalJson(withoutSecrets(wanted.job.request));
      return isSame ? known : this.accept({ ...wanted, job: { ...wanted.job, id: newJobId(Date.now()) } });
    }
    const record = { ...job, request: withoutSecrets(job.request) };
    if (record.reused) this.parts.observer?.onReused?.(record);
    return record;
  }

  /**
   * The current state of a job. If the queue is unavailable, a running job has no progress.
   * @throws AppError JOB_NOT_FOUND
   */
  async get(jobId: string): Promise<JobRecord> {
    const record = await this.recorded(jobId);
    const place = isFinal(record) ? undefined : await this.jobs.place(jobId);
    if (!place) return isFinal(record) ? record : this.recorded(jobId);
    const { dispatch, waiting } = place;
    if (waiting && record.state === 'queued') {
      const { position, startsInSeconds } = waiting;
      const estimate = startsInSeconds !== undefined && { estimated_start_seconds: startsInSeconds };
      return { ...record, queue_position: position, ...estimate };
    }
    if (dispatch === undefined) return record;
    const progress = (await ignoreQueueFailure(this.parts.queue.progress([dispatch])))?.get(dispatch);
    return progress ? { ...record, progress } : record;
  }

  /** The current states of jobs, the newest first. If the queue is unavailable, running jobs have no progress. */
  async page(filter: JobFilter, request: PageRequest): Promise<Page<JobRecord>> {
    const { items: jobs, next } = await this.jobs.page(filter, request);
    const active = jobs.filter(({ state }) => state === 'active').map(({ id }) => id);
    const known = await readProgress(this.jobs, this.parts.queue, active);
    return { items: jobs.map((job) => ({ ...job, progress: known.get(job.id) ?? job.progress })), next };
  }

  /** @throws AppError JOB_NOT_FOUND, REPORT_NOT_READY */
  async report(jobId: string): Promise<Report> {
    const { bytes } = await this.storedReport(jobId);
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as Report;
  }

  /**
   * A job with its report: JSON in UTF-8.
   * @throws AppError JOB_NOT_FOUND, REPORT_NOT_READY
   */
  async storedReport(jobId: string): Promise<{ readonly job: JobRecord; readonly bytes: Uint8Array }> {
    const record = await this.recorded(jobId);
    const report = hasReport(record) ? await this.jobs.file(jobId, 'report') : undefined;
    if (report)
      return { job: record, bytes: fillPlaceholders(await readContent(this.parts.blobs, report), record) };
    const why = isFinal(record)
      ? `Job ${jobId} ended in the state "${record.state}", in which it has no report.`
      : `Job ${jobId} has not ended yet; its report comes with its results.`;
    throw new AppError('REPORT_NOT_READY', why, { job_id: jobId, state: record.state });
  }

  /**
   * A stream of a file that the job wrote besides its adapters, or of a range inside it.
   * @throws AppError JOB_NOT_FOUND, STORAGE_*
   */
  async readFile(jobId: string, { sha256 }: AdapterFile, range?: ByteRange): Promise<Readable> {
    const file = await this.jobs.file(jobId, 'training', sha256);
    if (!file) throw new AppError('JOB_NOT_FOUND', `There is no job ${jobId}.`, { job_id: jobId });
    return streamContent(this.parts.blobs, file, range);
  }

  /**
   * Waits until a job has ended.
   * @returns the job, or its state after `timeoutMs` or when the signal is aborted
   * @throws AppError JOB_NOT_FOUND
   */
  async wait(jobId: string, timeoutMs: number, signal?: AbortSignal): Promise<JobRecord> {
    const startedMs = performance.now();
    const wakeSignal = new WakeSignal();
    const wake = (): void => wakeSignal.notify();
    const watch = this.watch(jobId, wake);
    signal?.addEventListener('abort', wake);
    try {
      for (;;) {
        const record = await this.recorded(jobId);
        if (isFinal(record)) return record;
        const leftMs = startedMs + timeoutMs - performance.now();
        if (leftMs <= 0 || signal?.aborted) return await this.get(jobId);
        await watch.follow();
        const pollMs = timeoutMs - leftMs < BEGIN_MS ? POLL_MS.begin : POLL_MS.later;
        await wakeSignal.wait(Math.min(leftMs, pollMs));
      }
    } finally {
      watch.end();
      signal?.removeEventListener('abort', wake);
    }
  }

  /** A job as the database knows it, without the progress of an active one. @throws AppError JOB_NOT_FOUND */
  async recorded(jobId: string): Promise<JobRecord> {
    const record = isJobId(jobId) ? await this.jobs.get(jobId) : undefined;
    if (!record) throw new AppError('JOB_NOT_FOUND', `There is no job ${jobId}.`, { job_id: jobId });
    return record;
  }

  /** Watches for changes of a job. */
  watch(jobId: string, onHint: () => void): ExecutionWatch {
    return new ExecutionWatch(this.jobs, this.parts.queue, jobId, onHint);
  }
}

/**
 * The progress of those of the jobs that are active, by their ids. Without the queue, none is known.
 * @throws AppError DATABASE_UNAVAILABLE
 */
export async function readProgress(
  jobs: Pick<JobStore, 'dispatches'>,
  queue: Pick<JobQueue, 'progress'>,
  jobIds: readonly string[],
): Promise<ReadonlyMap<string, Progress>> {
  const dispatches = await jobs.dispatches(jobIds);
  if (dispatches.size === 0) return new Map();
  const known = await ignoreQueueFailure(queue.progress([...new Set(dispatches.values())]));
  const found = new Map<string, Progress>();
  for (const [id, dispatch] of dispatches) {
    const progress = known?.get(dispatch);
    if (progress) found.set(id, progress);
  }
  return found;
}
