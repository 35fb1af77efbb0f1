import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { BatchPatch, BatchRecord, BatchRequest } from '../../contract/batch.ts';
import type { Page, PageRequest } from '../../database/lists/page.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ErrorCode } from '../../errors/error-kinds.ts';
import type { JobControl } from '../jobs/control.ts';
import { type AcceptConditions, type BatchInLines, type BatchIntake, INTAKE_ERRORS } from './intake.ts';
import type { ItemPage, ItemPageRequest, ItemStore } from './item-store.ts';
import type { BatchFilter, BatchStore } from './store.ts';

/** Jobs that are cancelled or deleted in one transaction; other work can run between transactions. */
const ENDED_AT_ONCE = 20;

/** How often a batch is checked while a client waits for it. */
const POLL_MS = { first: 100, later: 1_000 } as const;

export interface BatchParts {
  readonly intake: BatchIntake;
  readonly batchStore: BatchStore;
  readonly itemStore: ItemStore;
  readonly control: JobControl;
}

/** The errors of the methods; the routes derive the codes of their responses from them. */
export const BATCH_ERRORS = {
  ...INTAKE_ERRORS,
  get: ['BATCH_NOT_FOUND'],
  items: ['BATCH_NOT_FOUND'],
  cancel: ['BATCH_NOT_FOUND', 'BATCH_FINAL', 'STORAGE_FULL'],
  retry: [
    'BATCH_NOT_FOUND',
    'BATCH_NOT_FINAL',
    'BATCH_SUCCEEDED',
    'PRIORITY_TOO_HIGH',
    'STORAGE_FULL',
    'STORAGE_FAILED',
  ],
  change: ['BATCH_NOT_FOUND', 'STORAGE_FULL'],
  remove: ['BATCH_NOT_FOUND', 'BATCH_NOT_FINAL', 'STORAGE_FULL', 'STORAGE_FAILED'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/**
 * Batches of jobs, which are submitted, watched and cancelled together. All methods throw AppError
 * DATABASE_UNAVAILABLE, those that write STORAGE_FULL.
 */
export class BatchService {
  private readonly parts: BatchParts;
  private readonly store: BatchStore;
  private readonly intake: BatchIntake;
  /** Work that continues after its response. */
  private readonly ongoing = new Set<Promise<void>>();

  constructor(parts: BatchParts) {
    this.parts = parts;
    this.store = parts.batchStore;
    this.intake = parts.intake;
  }

  /** Accepts a batch, as BatchIntake does. */
  submit(request: BatchRequest, conditions?: AcceptConditions): Promise<BatchRecord> {
    return this.intake.submit(request, conditions);
  }

  /** Accepts a batch whose items arrive one after the other, as BatchIntake does. */
  submitLines(lines: BatchInLines, conditions?: AcceptConditions): Promise<BatchRecord> {
    return this.intake.submitLines(lines, conditions);
  }

  /**
   * The current state of a batch.
   * @throws AppError BATCH_NOT_FOUND
   */
  async get(batchId: string): Promise<BatchRecord> {
    const batch = await this.store.get(batchId);
    if (!batch) throw notFound(batchId);
    return batch;
  }

  /** The current state of a batch; undefined if there is none. */
  find(batchId: string): Promise<BatchRecord | undefined> {
    return this.store.get(batchId);
  }

  /** Items of a batch, in the order of its request. @throws AppError BATCH_NOT_FOUND */
  async items(batchId: string, request: ItemPageRequest): Promise<ItemPage> {
    await this.get(batchId);
    return this.parts.itemStore.page(batchId, request);
  }

  /**
   * Waits until a batch has ended.
   * @returns the batch, or its state after `timeoutMs` or when the signal is aborted
   * @throws AppError BATCH_NOT_FOUND
   */
  async wait(batchId: string, timeoutMs: number, signal?: AbortSignal): Promise<BatchRecord> {
    const endMs = performance.now() + timeoutMs;
    const disconnected = signal ?? new AbortController().signal;
    for (let pollMs: number = POLL_MS.first; await this.store.isActive(batchId); ) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || disconnected.aborted) break;
      await sleep(Math.min(leftMs, pollMs), undefined, { signal: disconnected }).catch(() => undefined);
      pollMs = Math.min(2 * pollMs, POLL_MS.later);
    }
    return this.get(batchId);
  }

  /** Batches, the newest first. */
  page(filter: BatchFilter, request: PageRequest): Promise<Page<BatchRecord>> {
    return this.store.page(filter, request);
  }

  /**
   * Cancels every unfinished job of a batch. No job of the batch starts once the cancellation is recorded, so the
   * response does not wait until the jobs have ended. They end even if this process dies.
   * @returns the cancelled batch, even if it was already cancelled
   * @throws AppError BATCH_NOT_FOUND; BATCH_FINAL if it has already ended in another way
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
    throw new AppError('BATCH_FINAL', `Batch ${batchId} has already ended; its state is "${batch.state}".`, {
      batch_id: batchId,
      state: batch.state,
    });
  }

  /**
   * Completes what a process had begun before it died: accepting the jobs of a batch, or cancelling them. Several
   * processes may do this at the same time.
   */
  async resume(batchId: string): Promise<void> {
    await this.parts.itemStore.open(batchId);
    if (await this.store.isCancelled(batchId)) await this.stop(batchId);
  }

  /** Cancels the remaining jobs of a cancelled batch. */
  private async stop(batchId: string): Promise<void> {
    for (;;) {
      const some = await this.store.jobIds(batchId, { limit: ENDED_AT_ONCE, unfinished: true });
      if (some.length === 0) return;
      await this.parts.control.cancelAll(some);
      await setImmediate();
    }
  }

  /**
   * Repeats the items of a batch that failed, even in part, or were cancelled, as a new batch. Each item is repeated as a
   * whole.
   * @throws AppError BATCH_NOT_FOUND, BATCH_NOT_FINAL, BATCH_SUCCEEDED
   */
  async retry(batchId: string, conditions?: AcceptConditions): Promise<BatchRecord> {
    return this.intake.retry(await this.final(batchId, 'retried'), conditions);
  }

  /** Changes the name or the labels of a batch, whatever its state. @throws AppError BATCH_NOT_FOUND */
  async change(batchId: string, patch: BatchPatch): Promise<BatchRecord> {
    await this.get(batchId);
    await this.store.change(batchId, patch);
    return this.get(batchId);
  }

  /**
   * Removes the records of a batch and of its jobs, but not their results.
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

  /** Waits for the work that continues after responses. */
  async settled(): Promise<void> {
    await Promise.all(this.ongoing);
  }

  /** Lets work continue after the response. If cancelling fails, another process repeats it (see `resume`). */
  private afterwards(work: Promise<void>): void {
    const done = work.catch(() => undefined).finally(() => this.ongoing.delete(done));
    this.ongoing.add(done);
  }

  private async final(batchId: string, done: string): Promise<BatchRecord> {
    const batch = await this.get(batchId);
    if (batch.finished_at !== null) return batch;
    const message = `Batch ${batchId} has not ended yet, so it cannot be ${done}; cancel it first.`;
    throw new AppError('BATCH_NOT_FINAL', message, { batch_id: batchId });
  }
}

const notFound = (batchId: string): AppError =>
  new AppError('BATCH_NOT_FOUND', `There is no batch ${JSON.stringify(batchId)}.`, { batch_id: batchId });
