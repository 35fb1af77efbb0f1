import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { BatchPatch, BatchRecord, BatchRequest, BatchSummary } from '../../contract/batch.ts';
import type { JobRequest } from '../../contract/job-request.ts';
import { newBatchId, newJobId, timedIdMs } from '../../database/ids.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import { acceptedJob, type Treatment, taken } from '../jobs/accepted-job.ts';
import type { JobControl } from '../jobs/control.ts';
import type { NewJob } from '../jobs/executions/accept-jobs.ts';
import type { JobService } from '../jobs/service.ts';
import type { NewRequestWebhook, RequestWebhooks } from '../webhooks/request-webhook.ts';
import { checkBatch, jobRequestsOf } from './batch-jobs.ts';
import type { BatchFilter, BatchStore } from './store.ts';

/** Jobs that are cancelled or deleted in one transaction, between which others have their turn. */
const ENDED_AT_ONCE = 20;

/** How often a batch is looked at that somebody waits for. */
const POLL_MS = { first: 100, later: 1_000 } as const;

export interface BatchParts {
  readonly jobs: JobService;
  readonly batchStore: BatchStore;
  readonly control: JobControl;
  /** undefined: requests bring no webhooks. */
  readonly requestWebhooks?: RequestWebhooks | undefined;
  /** How long batches stay unless a request says otherwise; undefined: they are kept. */
  readonly defaultTtlSeconds?: number | undefined;
}

/** A batch that is about to be accepted. */
interface WantedBatch {
  readonly request: BatchRequest;
  readonly jobs: readonly JobRequest[];
  readonly webhook?: NewRequestWebhook | undefined;
  readonly webhookId: string | null;
  /** The batch and its jobs that these do once more. */
  readonly retryOf?: { readonly batch: string; readonly jobs: readonly string[] };
}

/** What the methods throw; the routes of the room derive from it what they may answer. */
export const BATCH_ERRORS = {
  submit: [
    'BATCH_INVALID',
    'OUTBOUND_URL_INVALID',
    'OUTBOUND_FORBIDDEN',
    'VALIDATION_FAILED',
    'SECRETS_UNAVAILABLE',
    'STORAGE_FULL',
    'STORAGE_FAILED',
  ],
  get: ['BATCH_NOT_FOUND'],
  cancel: ['BATCH_NOT_FOUND', 'BATCH_FINAL', 'STORAGE_FULL'],
  retry: [
    'BATCH_NOT_FOUND',
    'BATCH_NOT_FINAL',
    'BATCH_SUCCEEDED',
    'BATCH_INVALID',
    'STORAGE_FULL',
    'STORAGE_FAILED',
  ],
  change: ['BATCH_NOT_FOUND', 'STORAGE_FULL'],
  remove: ['BATCH_NOT_FOUND', 'BATCH_NOT_FINAL', 'STORAGE_FULL', 'STORAGE_FAILED'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * Many jobs that are asked for, followed and cancelled together. All methods throw AppError DATABASE_UNAVAILABLE, those that
 * write STORAGE_FULL.
 */
export class BatchService {
  private readonly parts: BatchParts;
  private readonly store: BatchStore;
  /** What goes on after its answer. */
  private readonly ongoing = new Set<Promise<void>>();

  constructor(parts: BatchParts) {
    this.parts = parts;
    this.store = parts.batchStore;
  }

  /**
   * Accepts a batch, or nothing of it. Jobs whose work was done already have their results at once.
   * @param id where it is the id of a batch, that is the answer
   * @throws AppError BATCH_INVALID with the fault of every job that cannot be accepted
   * @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, VALIDATION_FAILED, SECRETS_UNAVAILABLE for its webhook
   */
  async submit(asked: BatchRequest, id = newBatchId(Date.now())): Promise<BatchRecord> {
    const before = await this.store.get(id);
    if (before) return before;
    const { webhook: wanted, ...request } = asked;
    const webhook = wanted && this.parts.requestWebhooks?.taken(wanted, ['batch.ended']);
    await checkBatch(request, (work) => this.parts.jobs.check(work));
    return this.accept(id, {
      request,
      jobs: jobRequestsOf(request),
      webhook,
      webhookId: webhook?.id ?? null,
    });
  }

  /**
   * A batch as it stands now.
   * @throws AppError BATCH_NOT_FOUND
   */
  async get(batchId: string): Promise<BatchRecord> {
    const batch = await this.store.get(batchId);
    if (!batch) throw notFound(batchId);
    return batch;
  }

  /**
   * The batch once it has ended, or as it stands after `timeoutMs` or when the signal is given.
   * @throws AppError BATCH_NOT_FOUND
   */
  async wait(batchId: string, timeoutMs: number, signal?: AbortSignal): Promise<BatchRecord> {
    const endMs = performance.now() + timeoutMs;
    const gone = signal ?? new AbortController().signal;
    for (let pollMs: number = POLL_MS.first; await this.store.isActive(batchId); ) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || gone.aborted) break;
      await sleep(Math.min(leftMs, pollMs), undefined, { signal: gone }).catch(() => undefined);
      pollMs = Math.min(2 * pollMs, POLL_MS.later);
    }
    return this.get(batchId);
  }

  /** Batches, the newest first. */
  page(filter: BatchFilter, request: PageRequest): Promise<Page<BatchSummary>> {
    return this.store.page(filter, request);
  }

  /**
   * Cancels every job of a batch that has not ended. From the moment this is written no job of
   * it begins, so the answer does not wait for a thousand outcomes: they follow, also when this process ends.
   * @returns the cancelled batch, also when it was cancelled before
   * @throws AppError BATCH_NOT_FOUND; BATCH_FINAL when it ended in another way
   */
  async cancel(batchId: string): Promise<BatchRecord> {
    let batch = await this.get(batchId);
    if (batch.finished_at === null) {
      if (await this.store.cancel(batchId)) {
        this.afterwards(this.stop(batchId));
        return { ...batch, state: 'cancelled' };
      }
      batch = await this.get(batchId);
    }
    if (batch.state === 'cancelled') return batch;
    throw new AppError('BATCH_FINAL', `Batch ${batchId} ${batch.state} already.`, {
      batch_id: batchId,
      state: batch.state,
    });
  }

  /**
   * Goes on with what a process began that died: accepting the jobs of a batch, and cancelling them. May be done by several
   * processes at once.
   */
  async resume(batchId: string): Promise<void> {
    const unopened = await this.store.unopened(batchId);
    if (unopened) {
      const requests = jobRequestsOf(unopened.request);
      const jobs = unopened.members.map(({ job, position, retry_of: retryOf }) =>
        newJob(job, requests[position]!, { batchId, retryOf, webhookId: unopened.webhookId }),
      );
      await this.store.open(batchId, jobs);
    }
    if (await this.store.isCancelled(batchId)) await this.stop(batchId);
  }

  /** Cancels what is left of a batch that was cancelled. */
  private async stop(batchId: string): Promise<void> {
    for (;;) {
      const some = await this.store.jobIds(batchId, { limit: ENDED_AT_ONCE, unfinished: true });
      if (some.length === 0) return;
      await this.parts.control.cancelAll(some);
      await setImmediate();
    }
  }

  /**
   * Does the jobs of a batch once more that failed, also in part, or were cancelled, as a new batch: each as a whole.
   * @throws AppError BATCH_NOT_FOUND, BATCH_NOT_FINAL, BATCH_SUCCEEDED, BATCH_INVALID
   */
  async retry(batchId: string, id = newBatchId(Date.now())): Promise<BatchRecord> {
    const done = await this.store.get(id);
    if (done) return done;
    const recorded = await this.store.request(batchId);
    if (!recorded) throw notFound(batchId);
    const { request, webhookId } = recorded;
    const { jobs: before, name, labels } = await this.final(batchId, 'retried');
    const requests = jobRequestsOf(request);
    const again = before.flatMap(({ id, state }, index) =>
      state === 'failed' || state === 'partial' || state === 'cancelled'
        ? [{ retryOf: id, request: requests[index]! }]
        : [],
    );
    if (again.length === 0) {
      throw new AppError('BATCH_SUCCEEDED', `No job of batch ${batchId} failed or was cancelled.`, {
        batch_id: batchId,
      });
    }
    const { ttl_seconds } = request;
    const jobs = again.map((job) => ({ ...job.request, reuse: false }));
    const retried: BatchRequest = {
      jobs,
      ...(name !== null && { name }),
      labels,
      ...(ttl_seconds !== undefined && { ttl_seconds }),
    };
    await checkBatch(retried, (work) => this.parts.jobs.check(work));
    const retryOf = { batch: batchId, jobs: again.map((job) => job.retryOf) };
    return this.accept(id, { request: retried, jobs, webhookId, retryOf });
  }

  /** Changes the name or the labels of a batch, whatever its state. @throws AppError BATCH_NOT_FOUND */
  async change(batchId: string, patch: BatchPatch): Promise<BatchRecord> {
    await this.get(batchId);
    await this.store.change(batchId, patch);
    return this.get(batchId);
  }

  /**
   * Removes all that is known of a batch and of the jobs it made, but not their results.
   * @throws AppError BATCH_NOT_FOUND, BATCH_NOT_FINAL, STORAGE_FAILED
   */
  async remove(batchId: string): Promise<void> {
    await this.final(batchId, 'deleted');
    for (;;) {
      const some = await this.store.jobIds(batchId, { limit: ENDED_AT_ONCE });
      if (some.length === 0) break;
      await this.parts.control.erase(...some.map((id) => ({ id })));
      await setImmediate();
    }
    await this.store.remove(batchId);
  }

  /** Waits for what goes on after answers. */
  async settled(): Promise<void> {
    await Promise.all(this.ongoing);
  }

  private async accept(id: string, wanted: WantedBatch): Promise<BatchRecord> {
    const { request, webhook, webhookId, retryOf } = wanted;
    const createdAtMs = timedIdMs(id);
    const jobs = wanted.jobs.map((job, index) => {
      const retried = retryOf?.jobs[index] ?? null;
      return newJob(memberId(createdAtMs, index), job, { batchId: id, retryOf: retried, webhookId });
    });
    const ttlSeconds = request.ttl_seconds ?? this.parts.defaultTtlSeconds ?? null;
    const kept = { webhook, webhookId, ttlSeconds, createdAtMs };
    const batch = { id, request, retryOf: retryOf?.batch ?? null, ...kept };
    const record = await this.store.accept({ ...batch, jobs: jobs.map(({ job }) => job) });
    try {
      await this.store.open(id, jobs);
    } catch (error) {
      // The batch is durable, so it is accepted; who looks after unfinished batches does the rest.
      if (!(error instanceof AppError)) throw error;
      return record;
    }
    // Some may have ended by now.
    return (await this.store.get(id)) ?? record;
  }

  /** Lets something go on after the answer. What fails of cancelling is done by who looks after unfinished batches. */
  private afterwards(work: Promise<void>): void {
    const done = work.catch(() => undefined).finally(() => this.ongoing.delete(done));
    this.ongoing.add(done);
  }

  private async final(batchId: string, done: string): Promise<BatchRecord> {
    const batch = await this.get(batchId);
    if (batch.finished_at !== null) return batch;
    const message = `Batch ${batchId} has not ended yet, so it cannot be ${done}: cancel it first.`;
    throw new AppError('BATCH_NOT_FINAL', message, { batch_id: batchId });
  }
}

const notFound = (batchId: string): AppError =>
  new AppError('BATCH_NOT_FOUND', `There is no batch ${JSON.stringify(batchId)}.`, { batch_id: batchId });

/** A job of a batch as it is accepted. */
function newJob(
  id: string,
  request: JobRequest,
  of: Pick<Treatment, 'batchId' | 'retryOf' | 'webhookId'>,
): NewJob {
  const { work, treatment } = taken(request);
  return { job: acceptedJob(id, work, { ...treatment, ...of }), reuse: treatment.reuse };
}

/** Ids of a batch's jobs sort in its order: behind the time comes the place. */
function memberId(nowMs: number, index: number): string {
  const id = newJobId(nowMs);
  const digits = id.indexOf('_') + 1 + 12;
  return id.slice(0, digits) + index.toString(16).padStart(4, '0') + id.slice(digits + 4);
}
