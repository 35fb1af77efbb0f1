import type { StreamEvent, StreamType } from '../../contract/event.ts';
import { END_TYPES } from '../../contract/webhook.ts';
import { hasLabels } from '../../database/lists/label-filter.ts';
import { AppError } from '../../errors/app-error.ts';
import type { SseMessage } from '../../http/event-streams.ts';
import { placeAtTime } from './event-rows.ts';
import type { EventFilter, EventPage, EventStore } from './event-store.ts';
import type { EventTail } from './event-tail.ts';
import type { JobProgressUpdate } from './progress-feed.ts';
import { sleepUntilAborted, WakeSignal } from './wake-signal.ts';

/** Events that arrive close together are read together. */
const MIN_READ_INTERVAL_MS = 50;
/** Pause before the next attempt while the database is unavailable. */
const RETRY_PAUSE_MS = 1_000;

/** Ended jobs that are remembered, because progress may arrive some seconds after the end of its job. */
const MAX_RECENT = 100;

const PLACE = /^\d{1,16}$/;

export interface EventWatch {
  readonly tenant: string;
  readonly store: EventStore;
  readonly tail: Pick<EventTail, 'watch'>;
  readonly filter: Omit<EventFilter, 'types'> & { readonly types?: readonly StreamType[] | undefined };
  /** The last event id of the client; undefined or empty: it starts now. */
  readonly lastEventId: string | undefined;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  readonly heartbeatMs: number;
  /** The longest life of the watch. */
  readonly lifeMs: number;
}

/** The place at which a stream begins. */
export interface StreamStart {
  readonly place: number;
  /** Whether events before it may be missing. */
  readonly hasGap: boolean;
}

/** @throws AppError DATABASE_UNAVAILABLE */
export async function findStreamStart(
  store: EventStore,
  lastEventId: string | undefined,
): Promise<StreamStart> {
  if (!lastEventId) return { place: await store.newestPlace(), hasGap: false };
  const place = Number(lastEventId);
  const horizon = await store.horizon();
  const newest = await store.newestPlace();
  // This position was never sent, so it is not known what the client has seen.
  if (!PLACE.test(lastEventId) || place > Math.max(newest, placeAtTime(Date.now())))
    return { place: newest, hasGap: true };
  return place < horizon ? { place: horizon, hasGap: true } : { place, hasGap: false };
}

/**
 * Yields the events of the jobs and batches of a tenant from `beginning` on. The database is read when the consumer
 * asks for more, so slow clients cost no memory: events wait in the database, and only the newest progress is kept.
 * While the database is unavailable, the generator waits.
 */
export async function* watchEvents(
  beginning: StreamStart,
  watch: EventWatch,
): AsyncGenerator<SseMessage | undefined, void, undefined> {
  const { store, tail, tenant, filter, lastEventId, signal, heartbeatMs } = watch;
  const { types, ...rest } = filter;
  const storedFilter = { ...rest, types: types?.filter((type) => type !== 'job.progress') };
  const wakeSignal = new WakeSignal();
  const wake = (): void => wakeSignal.notify();
  const progressed = new Map<string, JobProgressUpdate>();
  const endedJobs = new RecentIds();
  const end = tail.watch(tenant, {
    onNewEvents: wake,
    onProgress: (progress) => {
      if (endedJobs.has(progress.jobId) || !wantsProgress(filter, progress)) return;
      progressed.set(progress.jobId, progress);
      wake();
    },
  });
  signal.addEventListener('abort', wake);
  const endMs = performance.now() + watch.lifeMs;
  try {
    let { place } = beginning;
    yield notice(beginning.hasGap ? 'stream.gap' : 'stream.open', place, lastEventId);
    let sentAtMs = performance.now();
    for (;;) {
      const page = await readPageAfter(store, place, storedFilter);
      if (page && page.horizon > place) {
        yield notice('stream.gap', page.horizon, String(place));
        place = page.horizon;
        continue;
      }
      for (const { place: at, type, job, body } of page?.events ?? []) {
        yield { id: String(at), event: type, data: body };
        sentAtMs = performance.now();
        if (job === null) continue;
        // Progress of an attempt that has ended no longer matters.
        progressed.delete(job);
        if (isEnd(type)) endedJobs.add(job);
      }
      for (const progress of takeAll(progressed)) {
        yield progressMessage(progress);
        sentAtMs = performance.now();
      }
      place = page?.place ?? place;
      if (signal.aborted || performance.now() > endMs) return;
      if (page?.hasMore) continue;
      const readAtMs = performance.now();
      await wakeSignal.wait(Math.min(page ? heartbeatMs : RETRY_PAUSE_MS, sentAtMs + heartbeatMs - readAtMs));
      await sleepUntilAborted(readAtMs + MIN_READ_INTERVAL_MS - performance.now(), signal);
      if (signal.aborted || performance.now() > endMs) return;
      if (performance.now() - sentAtMs >= heartbeatMs) {
        yield undefined;
        sentAtMs = performance.now();
      }
    }
  } finally {
    signal.removeEventListener('abort', wake);
    end();
  }
}

/** A set that keeps only the newest ids. */
class RecentIds {
  private readonly ids = new Set<string>();

  has(id: string): boolean {
    return this.ids.has(id);
  }

  add(id: string): void {
    this.ids.add(id);
    const [oldest] = this.ids;
    if (this.ids.size > MAX_RECENT) this.ids.delete(oldest!);
  }
}

const isEnd = (type: string): boolean => END_TYPES.some((end) => end === type);

/** undefined if the database is unavailable. */
async function readPageAfter(
  store: EventStore,
  place: number,
  filter: EventFilter,
): Promise<EventPage | undefined> {
  try {
    return await store.after(place, filter);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

function wantsProgress(
  { types, jobId, batchId, labels = [] }: EventWatch['filter'],
  progress: JobProgressUpdate,
): boolean {
  return (
    (types === undefined || types.includes('job.progress')) &&
    (jobId === undefined || progress.jobId === jobId) &&
    (batchId === undefined || progress.batchId === batchId) &&
    hasLabels(progress.labels, labels)
  );
}

function takeAll<T>(waiting: Map<string, T>): T[] {
  const all = [...waiting.values()];
  waiting.clear();
  return all;
}

type DataOf<E extends StreamEvent['event']> = Extract<StreamEvent, { event: E }>['data'];

function notice(
  type: 'stream.open' | 'stream.gap',
  place: number,
  lastEventId: string | undefined,
): SseMessage {
  const data = { last_event_id: lastEventId ?? null };
  const event: DataOf<typeof type> = { type, timestamp: new Date().toISOString(), data };
  return { id: String(place), event: type, data: JSON.stringify(event) };
}

function progressMessage({ jobId: job_id, batchId: batch_id, progress }: JobProgressUpdate): SseMessage {
  const type = 'job.progress';
  const data = { job_id, batch_id, progress };
  const event: DataOf<typeof type> = { type, timestamp: new Date().toISOString(), data };
  return { event: type, data: JSON.stringify(event) };
}
