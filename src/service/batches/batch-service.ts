import type { BatchRecord, BatchRequest, BatchSummary } from '../../contract/batch.ts';
import { AppError } from '../../errors.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { taken } from '../accepted-job.ts';
import type { AdapterService } from '../adapter-service.ts';
import type { JobControl } from '../job-control/job-control.ts';
import { SharedRequests } from '../job-control/shared-requests.ts';
import type { JobQueue } from '../job-queue.ts';
import type { JobService } from '../job-service.ts';
import type { JobStore } from '../job-store.ts';
import { BATCHES_PREFIX, batchIdOfKey, isBatchId, newBatchId, newJobId, timedIdMs } from '../layout.ts';
import { type Page, type PageRequest, readPage, storedKeys } from '../listing/page.ts';
import { withoutQueue } from '../without-queue.ts';
import type { BatchFinisher } from './batch-finisher.ts';
import { type BatchManifest, jobRequestsOf, jobsOf, type Member } from './batch-manifest.ts';
import { BatchMembers } from './batch-members.ts';
import { BatchOpener } from './batch-opener.ts';
import { batchJob, batchRecord, isFinished, summaryOf } from './batch-record.ts';
import { BatchStore } from './batch-store.ts';
import { eachBounded } from './bounded.ts';
import { checkBatch } from './check-batch.ts';

/** A mark this old without a batch is what a crash left between the two writes of an acceptance. */
const ABANDONED_MS = 60_000;
const AT_ONCE = 16;

/** A key of a batch without its prefix. */
export const BATCH_PLACE = /^[0-9a-f]{32}\.json$/;

export interface BatchParts {
  readonly blobs: BlobStore;
  readonly adapters: Pick<AdapterService, 'find'>;
  readonly jobs: JobService;
  readonly jobStore: JobStore;
  readonly control: JobControl;
  readonly queue: JobQueue;
  readonly finisher: BatchFinisher;
  readonly tenant: string;
  /** How long batches stay of which nobody says it; undefined: they are kept. */
  readonly defaultTtlSeconds?: number | undefined;
}

/**
 * Many jobs that are asked for, followed and cancelled together. The storage is the record; the
 * queue says when the last job has ended, and may lose everything. All methods throw AppError STORAGE_*.
 */
export class BatchService {
  private readonly parts: BatchParts;
  private readonly store: BatchStore;
  private readonly members: BatchMembers;
  private readonly opener: BatchOpener;
  private readonly requests: SharedRequests;
  /** What goes on after its answer. */
  private readonly ongoing = new Set<Promise<void>>();

  constructor(parts: BatchParts) {
    this.parts = parts;
    this.store = new BatchStore(parts.blobs);
    this.members = new BatchMembers(parts.jobStore);
    this.opener = new BatchOpener(parts);
    this.requests = new SharedRequests(parts.jobStore, parts.adapters);
  }

  /**
   * Accepts a batch, or nothing of it. Jobs that succeeded already stand for those that ask for the same.
   * @throws AppError BATCH_INVALID with the fault of every job that cannot be accepted; QUEUE_UNAVAILABLE
   */
  async submit(request: BatchRequest): Promise<BatchRecord> {
    await checkBatch(request, (work) => this.parts.jobs.check(work));
    const nowMs = Date.now();
    const members = await eachBounded(
      jobRequestsOf(request),
      AT_ONCE,
      async (job, index): Promise<Member> => {
        const { work, treatment } = taken(job);
        const known = treatment.reuse ? await this.requests.find(work) : undefined;
        if (known?.state !== 'succeeded') return { id: memberId(nowMs, index) };
        return { id: known.id, reused: batchJob(known, true) };
      },
    );
    return this.accept(nowMs, request, members, null);
  }

  /**
   * A batch as it stands now. Without the queue, jobs that have not ended are shown as queued.
   * @throws AppError BATCH_NOT_FOUND
   */
  async get(batchId: string): Promise<BatchRecord> {
    const manifest = await this.manifest(batchId);
    const ended = await this.store.outcome(batchId);
    return ended ?? this.now(manifest, await this.active());
  }

  /** Batches, the newest first. */
  async page(request: PageRequest): Promise<Page<BatchSummary>> {
    let active: Promise<ReadonlySet<string>> | undefined;
    const read = async (key: string): Promise<BatchSummary | undefined> => {
      const id = batchIdOfKey(key);
      const ended = await this.store.outcome(id);
      if (ended) return summaryOf(ended);
      const manifest = await this.store.get(id);
      active ??= this.active();
      return manifest && summaryOf(await this.now(manifest, await active));
    };
    const keys = storedKeys(this.parts.blobs, BATCHES_PREFIX);
    return readPage(
      { prefix: BATCHES_PREFIX, timedKey: (turned) => turned, keys, read, isFiltered: false },
      request,
    );
  }

  /**
   * Cancels every job of a batch that has not ended, and none that it reuses. From the moment this is written no job of
   * it begins, so the answer does not wait for a thousand outcomes: they follow, also when this process ends.
   * @returns the cancelled batch, also when it was cancelled before
   * @throws AppError BATCH_NOT_FOUND; BATCH_FINAL when it ended in another way
   */
  async cancel(batchId: string): Promise<BatchRecord> {
    const manifest = await this.manifest(batchId);
    const batch = await this.get(batchId);
    if (!isFinished(batch)) {
      await this.store.cancel(batchId);
      this.afterwards(this.stop(manifest));
      return batchRecord(manifest, batch.jobs, true);
    }
    if (batch.state === 'cancelled') return batch;
    throw new AppError('BATCH_FINAL', `Batch ${batchId} ${batch.state} already.`, {
      batch_id: batchId,
      state: batch.state,
    });
  }

  /**
   * Does the failed and cancelled jobs of a batch once more, as a new batch.
   * @throws AppError BATCH_NOT_FOUND, BATCH_NOT_FINAL, BATCH_SUCCEEDED, BATCH_INVALID, QUEUE_UNAVAILABLE
   */
  async retry(batchId: string): Promise<BatchRecord> {
    const { request } = await this.manifest(batchId);
    const { jobs: before } = await this.final(batchId, 'retried');
    const requests = jobRequestsOf(request);
    const again = before.flatMap(({ id, state }, index) =>
      state === 'failed' || state === 'cancelled' ? [{ retry_of: id, request: requests[index]! }] : [],
    );
    if (again.length === 0) {
      throw new AppError('BATCH_SUCCEEDED', `No job of batch ${batchId} failed or was cancelled.`, {
        batch_id: batchId,
      });
    }
    const { labels, ttl_seconds } = request;
    const retried: BatchRequest = {
      jobs: again.map((job) => ({ ...job.request, reuse: false })),
      ...(labels !== undefined && { labels }),
      ...(ttl_seconds !== undefined && { ttl_seconds }),
    };
    await checkBatch(retried, (work) => this.parts.jobs.check(work));
    const nowMs = Date.now();
    const members = again.map(({ retry_of }, index) => ({ id: memberId(nowMs, index), retry_of }));
    return this.accept(nowMs, retried, members, batchId);
  }

  /**
   * Removes all that is known of a batch and of the jobs it made, but not their results.
   * @throws AppError BATCH_NOT_FOUND, BATCH_NOT_FINAL
   */
  async remove(batchId: string): Promise<void> {
    const manifest = await this.manifest(batchId);
    await this.final(batchId, 'deleted');
    await eachBounded(jobsOf(manifest), AT_ONCE, async ({ id }) => {
      await this.parts.control.erase({ id });
    });
    await this.store.remove(batchId);
  }

  /**
   * Goes on with whatever a crash or the loss of Redis interrupted: accepting, queueing, cancelling, ending. Looks at
   * batches that have not ended only (`pending-batches/`).
   * @returns ids of the batches queued again
   * @throws AppError QUEUE_UNAVAILABLE
   */
  async reconcile(nowMs = Date.now()): Promise<string[]> {
    const requeued: string[] = [];
    for (const { id, isOpened } of await this.store.pending()) {
      const manifest = await this.store.get(id);
      if (!manifest) {
        if (nowMs - timedIdMs(id) > ABANDONED_MS) await this.store.settle(id);
      } else if (await this.resume(manifest, isOpened)) requeued.push(id);
    }
    return requeued;
  }

  /** Waits for what goes on after answers. */
  async settled(): Promise<void> {
    await Promise.all(this.ongoing);
  }

  private async accept(
    nowMs: number,
    request: BatchRequest,
    members: readonly Member[],
    retryOf: string | null,
  ): Promise<BatchRecord> {
    // What cannot be queued is refused, before anything is written.
    await this.parts.queue.activeJobs();
    const created_at = new Date(nowMs).toISOString();
    const ttl_seconds = request.ttl_seconds ?? this.parts.defaultTtlSeconds ?? null;
    const manifest = { id: newBatchId(nowMs), request, members, retry_of: retryOf, ttl_seconds, created_at };
    await this.store.accept(manifest);
    try {
      await this.opener.record(manifest);
      if (jobsOf(manifest).length > 0) await this.opener.enqueue(manifest);
      else await this.parts.finisher.finish(manifest.id);
    } catch (error) {
      // The batch is durable, so it is accepted; `reconcile` does the rest.
      if (!(error instanceof AppError)) throw error;
    }
    const accepted = new Map(jobsOf(manifest).map((job) => [job.id, batchJob(job, false)]));
    const jobs = members.map(({ id, reused }) => reused ?? accepted.get(id)!);
    return batchRecord(manifest, jobs, false);
  }

  /** @returns whether the batch was queued again */
  private async resume(manifest: BatchManifest, isOpened: boolean): Promise<boolean> {
    const { queue, finisher } = this.parts;
    if (await finisher.finish(manifest.id)) return false;
    if (!isOpened) await this.opener.record(manifest);
    if (await this.store.isCancelled(manifest.id)) {
      await this.stop(manifest);
      return false;
    }
    if (await queue.hasBatch(manifest.id)) return false;
    return (await this.opener.enqueueLeft(manifest)) > 0;
  }

  private async now(manifest: BatchManifest, active: ReadonlySet<string>): Promise<BatchRecord> {
    const isCancelled = await this.store.isCancelled(manifest.id);
    const record = batchRecord(manifest, await this.members.read(manifest, active), isCancelled);
    // All jobs have ended, and who was to write the outcome has not come to it yet.
    const ended = isFinished(record) ? await this.parts.finisher.finish(manifest.id) : undefined;
    return ended ?? record;
  }

  private async active(): Promise<ReadonlySet<string>> {
    return (await withoutQueue(this.parts.queue.activeJobs())) ?? new Set();
  }

  /** Lets something go on after the answer. What fails of cancelling is done by `reconcile`. */
  private afterwards(work: Promise<void>): void {
    const done = work.catch(() => undefined).finally(() => this.ongoing.delete(done));
    this.ongoing.add(done);
  }

  private async stop(manifest: BatchManifest): Promise<void> {
    await eachBounded(jobsOf(manifest), AT_ONCE, async ({ id }) => {
      try {
        await this.parts.control.cancel(id);
      } catch (error) {
        if (!(error instanceof AppError) || !OVER.has(error.code)) throw error;
      }
    });
    await this.parts.finisher.finish(manifest.id);
  }

  private async final(batchId: string, done: string): Promise<BatchRecord> {
    const ended = await this.parts.finisher.finish(batchId);
    if (ended) return ended;
    const message = `Batch ${batchId} has not ended yet, so it cannot be ${done}: cancel it first.`;
    throw new AppError('BATCH_NOT_FINAL', message, { batch_id: batchId });
  }

  private async manifest(batchId: string): Promise<BatchManifest> {
    const manifest = isBatchId(batchId) ? await this.store.get(batchId) : undefined;
    if (manifest) return manifest;
    throw new AppError('BATCH_NOT_FOUND', `There is no batch ${JSON.stringify(batchId)}.`, {
      batch_id: batchId,
    });
  }
}

/** Nothing is left to cancel of a job. One without a record yet is left to `reconcile`, which writes that first. */
const OVER: ReadonlySet<string> = new Set(['JOB_FINAL', 'JOB_NOT_FOUND']);

/** Ids of a batch's jobs sort in its order: behind the time comes the place. */
function memberId(nowMs: number, index: number): string {
  const id = newJobId(nowMs);
  const digits = id.indexOf('_') + 1 + 12;
  return id.slice(0, digits) + index.toString(16).padStart(4, '0') + id.slice(digits + 4);
}
