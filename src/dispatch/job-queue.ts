import type { Progress } from '../contract/job.ts';
import { AppError } from '../errors/app-error.ts';

/** An execution on its way to a worker. */
export interface Dispatch {
  /** Its id in the queue: another one each time. */
  readonly id: string;
  /** JSON of Origin. */
  readonly origin: string | null;
}

/** Something that works, but not as safely as it should. */
export interface Risk {
  /** Stable, such as QUEUE_EVICTS. */
  readonly code: string;
  /** What is the matter, and what is needed. */
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
  /** Those of the dispatches that the queue does not hold. */
  missing(ids: readonly string[]): Promise<string[]>;
  /** How far those have come of which something is known. */
  progress(ids: readonly string[]): Promise<ReadonlyMap<string, Progress>>;
  /**
   * Calls back when something may have happened to an execution: only a hint, which may come for nothing, late or never.
   * Does not fail. @returns what ends the watch
   */
  watch(execution: string, onHint: () => void): () => void;
  /**
   * The same for whatever happens to any execution.
   * @param onHint `progress`: how far it has come, where that is all that happened
   */
  watchAll(onHint: (execution: string, progress?: Progress) => void): () => void;
  /**
   * What puts what is queued at risk, although the queue works.
   * @throws AppError QUEUE_UNAVAILABLE, QUEUE_FULL when nothing can be queued
   */
  check(): Promise<readonly Risk[]>;
}

/** Whether something failed because the queue cannot be used or has no room. */
const isQueueTrouble = (error: unknown): error is AppError =>
  error instanceof AppError && (error.code === 'QUEUE_UNAVAILABLE' || error.code === 'QUEUE_FULL');

/** What the queue answers, or undefined where it cannot, for callers that can do without. */
export async function withoutQueue<T>(answer: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isQueueTrouble(error)) return undefined;
    throw error;
  }
}
