import type { Progress } from '../contract/job.ts';
import { AppError } from '../errors/app-error.ts';

/** An execution on its way to a worker. */
export interface Dispatch {
  /** Its id in the queue, a new one for each dispatch. */
  readonly id: string;
  /** JSON of Origin. */
  readonly origin: string | null;
}

/** A condition that works, but not as safely as it should. */
export interface Risk {
  /** Stable, such as QUEUE_EVICTS. */
  readonly code: string;
  /** The problem, and what is needed. */
  readonly detail: string;
}

/**
 * The queue as the service sees it: it hands dispatched executions to workers and reports their events. All records
 * are in the database, so the queue may lose everything at any time. Every method fails with AppError
 * QUEUE_UNAVAILABLE, within about a second, if Redis cannot be used; those that add something fail with QUEUE_FULL if
 * it has no memory left.
 */
export interface JobQueue {
  /** Queues dispatches, in their order. A dispatch that is already queued is ignored. */
  add(dispatches: readonly Dispatch[]): Promise<void>;
  /** The dispatches that the queue does not have. */
  missing(ids: readonly string[]): Promise<string[]>;
  /** The progress of those dispatches for which it is known. */
  progress(ids: readonly string[]): Promise<ReadonlyMap<string, Progress>>;
  /**
   * Calls back when an execution may have changed. This is only a hint, which may come without a reason, late or
   * never. Never throws. @returns a function that ends the watch
   */
  watch(execution: string, onHint: () => void): () => void;
  /**
   * As `watch`, for all executions.
   * @param onHint `progress`: the progress, if nothing else has changed
   */
  watchAll(onHint: (execution: string, progress?: Progress) => void): () => void;
  /**
   * The risks for queued work, although the queue can be used.
   * @throws AppError QUEUE_UNAVAILABLE, QUEUE_FULL if nothing can be queued
   */
  check(): Promise<readonly Risk[]>;
}

/** Whether an error means that the queue cannot be used or has no room. */
const isQueueTrouble = (error: unknown): error is AppError =>
  error instanceof AppError && (error.code === 'QUEUE_UNAVAILABLE' || error.code === 'QUEUE_FULL');

/** The answer of the queue, or undefined if it cannot be used, for callers that can do without it. */
export async function ignoreQueueFailure<T>(answer: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isQueueTrouble(error)) return undefined;
    throw error;
  }
}
