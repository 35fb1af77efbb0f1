import type { Readable } from 'node:stream';
import type { AdapterFile } from '../contract/adapter.ts';
import type { CheckpointJobRequest, JobRecord, JobRequest, RecordedJobRequest } from '../contract/job.ts';
import type { Report } from '../contract/report.ts';
import { AppError } from '../errors.ts';
import { checkTargets } from '../serving/check-targets.ts';
import type { BlobStore, ByteRange } from '../storage/blob-store.ts';
import type { AdapterService } from './adapter-service.ts';
import type { JobQueue, QueuedState } from './job-queue.ts';
import { isFinal, JobStore } from './job-store.ts';
import { blobKey, isJobId, jobIdTimeMs, newJobId } from './layout.ts';
import { sourceIds } from './source-ids.ts';

/** A mark this old without a job is what a crash left between the two writes of an acceptance. */
const ABANDONED_MS = 60_000;

/** Accepts jobs, and tells what became of them. */
export class JobService {
  private readonly blobs: BlobStore;
  private readonly jobs: JobStore;
  private readonly adapters: Pick<AdapterService, 'get'>;
  private readonly queue: JobQueue;

  constructor(blobs: BlobStore, adapters: Pick<AdapterService, 'get'>, queue: JobQueue) {
    this.blobs = blobs;
    this.jobs = new JobStore(blobs);
    this.adapters = adapters;
    this.queue = queue;
  }

  /**
   * Accepts a job: it is durable before it is queued, so that one the client knows of survives the loss of Redis.
   * @throws AppError UNKNOWN_PROFILE, VALIDATION_FAILED for targets that their profile cannot load
   * @throws AppError ADAPTER_NOT_FOUND, QUEUE_UNAVAILABLE (no job then), STORAGE_FAILED, STORAGE_FULL
   */
  async submit(request: JobRequest): Promise<JobRecord> {
    if ('targets' in request) checkTargets(request.targets);
    for (const id of sourceIds(request)) await this.adapters.get(id);
    const record = acceptedJob(newJobId(Date.now()), request);
    await this.jobs.accept(record);
    try {
      await this.queue.add(record.id);
    } catch (error) {
      // Redis may have taken the job although its answer was lost: without a record it is nothing to the worker.
      await this.jobs.discard(record.id);
      throw error;
    }
    return record;
  }

  /**
   * The job of an id that was chosen before, as it stands now; accepts and queues it where that has not happened, or was
   * lost. May be called again and again, by several processes at once: a job that is queued twice is done once.
   * @throws AppError QUEUE_UNAVAILABLE (the job is durable then, and queued later); STORAGE_*
   */
  async ensure(jobId: string, request: CheckpointJobRequest): Promise<JobRecord> {
    const known = await this.jobs.get(jobId);
    if (known && isFinal(known)) return known;
    if (!known) await this.jobs.accept(acceptedJob(jobId, request));
    const live = known && (await this.queue.state(jobId));
    if (live) return withLive(known, live);
    // Not in the queue: it ended meanwhile, or it never got there.
    const record = await this.recordOf(jobId);
    if (isFinal(record)) return record;
    await this.queue.add(jobId);
    return record;
  }

  /**
   * A job as it stands now: the record when it is final, else with what the queue knows.
   * @throws AppError JOB_NOT_FOUND; QUEUE_UNAVAILABLE while a job that is not final cannot be followed
   */
  async get(jobId: string): Promise<JobRecord> {
    const record = await this.recordOf(jobId);
    if (isFinal(record)) return record;
    const live = await this.queue.state(jobId);
    // Not in the queue: it ended meanwhile, or Redis lost it and `reconcile` will queue it again.
    if (!live) return this.recordOf(jobId);
    return withLive(record, live);
  }

  /** @throws AppError JOB_NOT_FOUND, REPORT_NOT_READY */
  async report(jobId: string): Promise<Report> {
    const record = await this.recordOf(jobId);
    const report = record.state === 'succeeded' ? await this.jobs.getReport(jobId) : undefined;
    if (report) return report;
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
    const record = await this.recordOf(jobId);
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
    const record = await this.recordOf(jobId);
    if (isFinal(record)) return record;
    try {
      await this.queue.waitUntilFinished(jobId, timeoutMs);
      return await this.get(jobId);
    } catch (error) {
      if (error instanceof AppError && error.code === 'QUEUE_UNAVAILABLE') return this.recordOf(jobId);
      throw error;
    }
  }

  /**
   * Queues again what the storage knows as accepted and the queue does not hold: Redis was lost, or a worker died
   * between recording the end of a job and telling the queue. Looks at unfinished jobs only (`pending/`), so it
   * costs nothing for the finished ones, however many there are.
   * @returns ids of the jobs queued again
   */
  async reconcile(nowMs = Date.now()): Promise<string[]> {
    const requeued: string[] = [];
    for (const jobId of await this.jobs.pending()) {
      if (await this.isLost(jobId, nowMs)) {
        await this.queue.add(jobId);
        requeued.push(jobId);
      }
    }
    return requeued;
  }

  private async isLost(jobId: string, nowMs: number): Promise<boolean> {
    // The queue first: a job that it no longer holds has its end recorded already, if it has one.
    if (await this.queue.state(jobId)) return false;
    const record = await this.jobs.get(jobId);
    if (record && !isFinal(record)) return true;
    if (record || nowMs - jobIdTimeMs(jobId) > ABANDONED_MS) await this.jobs.settle(jobId);
    return false;
  }

  private async recordOf(jobId: string): Promise<JobRecord> {
    const record = isJobId(jobId) ? await this.jobs.get(jobId) : undefined;
    if (!record) throw new AppError('JOB_NOT_FOUND', `There is no job ${jobId}.`, { job_id: jobId });
    return record;
  }
}

const withLive = (record: JobRecord, live: QueuedState): JobRecord => ({
  ...record,
  state: live.state,
  progress: live.progress ?? record.progress,
  started_at: live.startedAt?.toISOString() ?? null,
  attempts: live.attempts,
});

function acceptedJob(id: string, request: RecordedJobRequest): JobRecord {
  return {
    id,
    kind: request.kind,
    state: 'queued',
    progress: { phase: 'waiting', done: 0, total: 0, module: null },
    created_at: new Date(jobIdTimeMs(id)).toISOString(),
    started_at: null,
    finished_at: null,
    attempts: 0,
    request,
    results: [],
    timings: null,
    provider: null,
    error: null,
  };
}
