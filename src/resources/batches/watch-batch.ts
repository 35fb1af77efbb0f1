import { AppError } from '../../errors/app-error.ts';
import type { SseMessage } from '../../http/event-streams.ts';
import type { EventTail } from '../events/event-tail.ts';
import { sleepUntilAborted, WakeSignal } from '../events/wake-signal.ts';
import type { BatchResultStore, EndedItem } from './result-store.ts';
import type { BatchService } from './service.ts';

/** Most items that are sent before the next ones are read. */
const ITEMS_AT_ONCE = 50;
/** Items that end within this time are sent together. */
const MIN_READ_INTERVAL_MS = 250;

/** Id of the last event of a batch that has ended; earlier ones contain the number of items sent. */
export const END_ID = 'end';
const NUMBER = /^\d{1,9}$/;

/**
 * The number of items that a client has received.
 * @param lastEventId the header of the client; 0 is returned if it is undefined or not an id of such an event
 */
export const itemsReceived = (lastEventId: string | undefined): number =>
  lastEventId !== undefined && NUMBER.test(lastEventId) ? Number(lastEventId) : 0;

export interface BatchWatch {
  readonly batchId: string;
  readonly tenant: string;
  readonly batches: Pick<BatchService, 'get'>;
  readonly results: Pick<BatchResultStore, 'endedAfter'>;
  readonly tail: Pick<EventTail, 'watch'>;
  /** See itemsReceived. */
  readonly received: number;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  readonly heartbeatMs: number;
  readonly pollMs: number;
  /** The longest life of the watch. */
  readonly lifeMs: number;
}

/**
 * Yields the state of a batch whenever it has changed, preceded by each item that has ended since, once and in order.
 * The last event is the batch after it has ended. The database is read when the consumer asks for more. While the
 * database is unavailable, the generator waits; if the batch is deleted, it ends.
 */
export async function* watchBatch(
  watch: BatchWatch,
): AsyncGenerator<SseMessage | undefined, void, undefined> {
  const { signal, heartbeatMs, pollMs } = watch;
  const wakeSignal = new WakeSignal();
  const wake = (): void => wakeSignal.notify();
  const end = watch.tail.watch(watch.tenant, { onNewEvents: wake, onProgress: () => undefined });
  signal.addEventListener('abort', wake);
  const endMs = performance.now() + watch.lifeMs;
  try {
    let { received } = watch;
    let shown = '';
    let sentAtMs = performance.now();
    while (!signal.aborted && performance.now() < endMs) {
      const readAtMs = performance.now();
      const seen = await readEndedItems(watch, received);
      if (seen === 'gone') return;
      for (const { item, endedNo } of seen?.items ?? []) {
        yield { id: String(endedNo), event: 'item', data: JSON.stringify(item) };
        received = endedNo;
        sentAtMs = performance.now();
      }
      if (seen && received < seen.batch.progress.done && seen.items.length > 0) continue;
      const isOver = seen !== undefined && seen.batch.finished_at !== null;
      const state = seen && JSON.stringify(seen.batch);
      if (state !== undefined && (state !== shown || isOver)) {
        yield { id: isOver ? END_ID : String(received), event: 'state', data: state };
        shown = state;
        sentAtMs = performance.now();
      }
      if (isOver) return;
      await wakeSignal.wait(Math.min(pollMs, sentAtMs + heartbeatMs - performance.now()));
      await sleepUntilAborted(readAtMs + MIN_READ_INTERVAL_MS - performance.now(), signal);
      if (!signal.aborted && performance.now() - sentAtMs >= heartbeatMs) {
        yield undefined;
        sentAtMs = performance.now();
      }
    }
  } finally {
    signal.removeEventListener('abort', wake);
    end();
  }
}

/** The batch, and the next items that have ended. undefined if the database is unavailable */
async function readEndedItems({ batches, results, batchId }: BatchWatch, received: number) {
  try {
    const batch = await batches.get(batchId);
    const { done } = batch.progress;
    const items: readonly EndedItem[] = await results.endedAfter(batchId, received, done, ITEMS_AT_ONCE);
    return { batch, items };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.code === 'BATCH_NOT_FOUND' ? 'gone' : undefined;
  }
}
