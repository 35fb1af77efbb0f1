import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdapterFile } from '../contract/adapter.ts';
import type { JobRecord } from '../contract/job.ts';
import type { CheckpointJobRequest, JobRequest, RecordedJobRequest } from '../contract/job-request.ts';
import type { Report } from '../contract/report.ts';
import { AppError } from '../errors.ts';
import { checkTargets } from '../serving/check-targets.ts';
import type { BlobStore, ByteRange } from '../storage/blob-store.ts';
import { acceptedJob, taken } from './accepted-job.ts';
import type { AdapterService } from './adapter-service.ts';
import { JobLabels } from './job-control/job-labels.ts';
import { RequestIndex } from './job-control/request-index.ts';
import type { JobQueue, QueuedState } from './job-queue.ts';
import { isFinal, JobStore } from './job-store.ts';
import { blobKey, isJobId, newJobId, timedIdMs } from './layout.ts';
import type { Observer } from './observer.ts';
import { sourceIds } from './source-ids.ts';
import { hasTransfers, type TransferDesk, withoutSecrets } from './transfer-desk.ts';
import type { Outbox } from './webhooks/outbox.ts';
import { isQueueTrouble } from './without-queue.ts';

/** A mark this old without a job is what a crash left between the two writes of an acceptance. */
const ABANDONED_MS = 60_000;

/** From the moment a job is in the index of requests to its acceptance: two writes. */
const ACCEPTING_MS = 1_000;
const ACCEPTING_POLL_MS = 20;

/** Accepts jobs, and tells what became of them. */
export class JobService {
  private readonly blobs: BlobStore;
  private readonly jobs: JobStore;
  private readonly adapters: Pick<AdapterService, 'get'>;
  private readonly queue: JobQueue;
  private readonly tenant: string;
  private readonly outbox: Outbox;
  private readonly observer: Observer;
  private readonly desk: TransferDesk | undefined;
  private readonly requests: RequestIndex;
  private readonly labels: JobLabels;

  constructor(
    blobs: BlobStore,
    adapters: Pick<AdapterService, 'get'>,
    queue: JobQueue,
    tenant: string,
    outbox: Outbox,
    observer: Observer = {},
    desk?: TransferDesk,
  ) {
    this.blobs = blobs;
    this.jobs = new JobStore(blobs);
    this.adapters = adapters;
    this.queue = queue;
    this.tenant = tenant;
    this.outbox = outbox;
    this.observer = observer;
    this.desk = desk;
    this.requests = new RequestIndex(blobs, adapters);
    this.labels = new JobLabels(blobs);
  }

  /**
   * Accepts a job, or finds the one that does the same already (`reused`): it is durable before it is queued, so that
   * one the client knows of survives the loss of Redis.
   * @throws AppError UNKNOWN_PROFILE, VALIDATION_FAILED for targets that their profile cannot load
   * @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, SECRETS_UNAVAILABLE for what is fetched and brought
   * @throws AppError ADAPTER_NOT_FOUND, QUEUE_UNAVAILABLE, STORAGE_FAILED, STORAGE_FULL
   */
  async submit(request: JobRequest): Promise<JobRecord> {
    const { work, treatment } = taken(request, this.desk);
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
    for (const id of sourceIds(work)) await this.adapters.get(id);
  }

  /**
   * Accepts a job and queues it; without the queue there is no job then.
   * @throws AppError QUEUE_UNAVAILABLE, STORAGE_*
   */
  async accept(record: JobRecord): Promise<JobRecord> {
    await this.acceptDurably(record);
    try {
      await this.enqueue(record);
    } catch (error) {
      // Redis may have taken the job although its answer was lost: without a record it is nothing to the worker.
      await this.jobs.discard(record.id);
      throw error;
    }
    return { ...record, request: withoutSecrets(record.request) };
  }

  /**
   * Accepts a job unless another one stands for its request, which then is the answer. Others may find a job as soon as
   * it is in the index, so it is not taken back when the queue fails in that moment: it is queued later, and found by
   * whoever asks again.
   * @throws AppError QUEUE_UNAVAILABLE (before anything is written, but for that moment), STORAGE_*
   */
  private async acceptOnce(record: JobRecord): Promise<JobRecord> {
    const known = await this.requests.find(record.request);
    if (!known) await this.queue.state(record.id);
    const { accepted, stored } = known ?? (await this.requests.claim(record));
    if (accepted.id === record.id) {
      await this.acceptDurably(record);
      await this.enqueue(record);
      return record;
    }
    if (!stored) await this.acceptedElsewhere(accepted.id);
    const job = await this.ensured(accepted);
    this.observer.onReused?.(job);
    return { ...job, reused: true };
  }

  /** Makes a job durable, unless an adapter that it reads was removed meanwhile. @throws AppError ADAPTER_NOT_FOUND */
  private async acceptDurably(record: JobRecord): Promise<void> {
    await this.jobs.accept(record);
    try {
      for (const id of sourceIds(record.request)) await this.adapters.get(id, { settled: true });
    } catch (error) {
      await this.jobs.discard(record.id);
      throw error;
    }
  }

  /** Waits a moment for who is just accepting a job; one that died in there is no reason to wait for longer. */
  private async acceptedElsewhere(jobId: string): Promise<void> {
    const deadline = performance.now() + ACCEPTING_MS;
    while (!(await this.jobs.get(jobId)) && performance.now() < deadline) await sleep(ACCEPTING_POLL_MS);
  }

  /**
   * The job of an id that was chosen before, as it stands now; accepts and queues it where that has not happened, or was
   * lost. May be called again and again, by several processes at once: a job that is queued twice is done once.
   * @throws AppError QUEUE_UNAVAILABLE (the job is durable then, and queued later); STORAGE_*
   */
  ensure(jobId: string, request: CheckpointJobRequest): Promise<JobRecord> {
    return this.ensured(acceptedJob(jobId, request));
  }

  private async ensured(accepted: JobRecord): Promise<JobRecord> {
    const { id } = accepted;
    const known = await this.jobs.get(id);
    if (known && isFinal(known)) return this.labels.applied(known);
    if (!known) await this.jobs.accept(accepted);
    const live = known && (await this.queue.state(id));
    if (live) return withLive(await this.labels.applied(known), live);
    // Not in the queue: it ended meanwhile, or it never got there.
    const record = await this.recorded(id);
    if (isFinal(record)) return record;
    await this.enqueue(record);
    return record;
  }

  /**
   * A job as it stands now: the record when it is final, else with what the queue knows.
   * @throws AppError JOB_NOT_FOUND; QUEUE_UNAVAILABLE while a job that is not final cannot be followed
   */
  async get(jobId: string): Promise<JobRecord> {
    const record = await this.recorded(jobId);
    if (isFinal(record)) return record;
    const live = await this.queue.state(jobId);
    // Not in the queue: it ended meanwhile, or Redis lost it and `reconcile` will queue it again.
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
    const bytes = record.state === 'succeeded' ? await this.jobs.getReportBytes(jobId) : undefined;
    if (bytes) return { job: record, bytes };
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

  /** A stream of a file that `file` returned, or of a range of it that lies inside. @throws AppError STORAGE_* */
  readFile({ sha256 }: AdapterFile, range?: ByteRange): Promise<Readable> {
    return this.blobs.read(blobKey(sha256), range);
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
      await this.queue.waitUntilFinished(jobId, timeoutMs);
      return await this.get(jobId);
    } catch (error) {
      if (isQueueTrouble(error)) return this.recorded(jobId);
      throw error;
    }
  }

  /**
   * Queues again what the storage knows as accepted and the queue does not hold: Redis was lost, or a worker died
   * between recording the end of a job and telling the queue. Announces ends that nobody lived to announce. Looks at
   * unfinished jobs only (`pending/`), so it costs nothing for the finished ones, however many there are.
   * @returns ids of the jobs queued again
   */
  async reconcile(nowMs = Date.now()): Promise<string[]> {
    const requeued: string[] = [];
    for (const jobId of await this.jobs.pending()) {
      const lost = await this.lost(jobId, nowMs);
      if (lost) {
        await this.enqueue(lost);
        requeued.push(jobId);
      }
    }
    return requeued;
  }

  /** Queues a job that is durable. @throws AppError QUEUE_UNAVAILABLE */
  enqueue({ id, priority }: JobRecord): Promise<void> {
    return this.queue.add(id, { tenant: this.tenant, priority });
  }

  private async lost(jobId: string, nowMs: number): Promise<JobRecord | undefined> {
    // The queue first: a job that it no longer holds has its end recorded already, if it has one.
    if (await this.queue.state(jobId)) return undefined;
    const record = await this.jobs.get(jobId);
    if (record && !isFinal(record)) return record;
    if (record) await this.outbox.announce(record);
    else if (nowMs - timedIdMs(jobId) > ABANDONED_MS) await this.jobs.settle(jobId);
    return undefined;
  }

  /** A job as the storage knows it, which tells nothing of one that runs. @throws AppError JOB_NOT_FOUND */
  async recorded(jobId: string): Promise<JobRecord> {
    const record = isJobId(jobId) ? await this.jobs.get(jobId) : undefined;
    if (!record) throw new AppError('JOB_NOT_FOUND', `There is no job ${jobId}.`, { job_id: jobId });
    return this.labels.applied(record);
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
