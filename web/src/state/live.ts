import { computed, effect, signal, untracked } from '@preact/signals';
import type {
  BatchEndEvent,
  JobStateEvent,
  ProgressEvent,
  StreamNotice,
} from '../../../src/contract/event.ts';
import type { JobProgress } from '../../../src/contract/job.ts';
import { messagesIn } from '../api/event-stream.ts';
import { ProblemError } from '../api/problem.ts';
import { request } from '../api/request.ts';
import { accessRefusal, keyEpoch } from './key.ts';
import { route } from './route.ts';

/** Something that a part of the page may show. A piece of news is about one or several topics. */
export type Topic =
  | 'adapters'
  | 'batches'
  | 'connections'
  | 'jobs'
  | 'keys'
  | 'runs'
  | 'tenants'
  | 'webhooks'
  | 'workers'
  | `adapter:${string}`
  | `job:${string}`;

type EventData = JobStateEvent | BatchEndEvent | ProgressEvent | StreamNotice;

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 15_000;
/**
 * The service sends something every 15 seconds. After three missed messages the stream counts as dead, even
 * if the browser does not report it.
 */
const SILENCE_MS = 45_000;
/** News within this time leads to a single read. */
const GATHER_MS = 100;
const SPACING_MS = 1_000;
/** How often data is read again while the stream is down. */
const POLL_MS = 5_000;

/** The state of the event stream; `lost` from the moment it breaks until it is open again. */
export const connection = signal<'opening' | 'open' | 'lost'>('opening');
/** The progress of the running jobs. It comes from the stream only, so it is newer than any list. */
export const progressOfJobs = signal<ReadonlyMap<string, JobProgress>>(new Map());

interface Listener {
  readonly topics: readonly Topic[];
  readonly notify: () => void;
}
const listeners = new Set<Listener>();

/**
 * Calls `react` when something about one of the topics changed. It learns of changes from events of the
 * service, from the page itself, and by reading again after a broken stream is restored; while there is no
 * stream, it calls every few seconds. Calls are at least a second apart.
 * @param everyMs the interval of further calls while the tab is visible
 * @returns a function that ends the calls
 */
export function onTopicChange(topics: readonly Topic[], onChange: () => void, everyMs?: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastMs = Number.NEGATIVE_INFINITY;
  const notify = () => {
    timer ??= setTimeout(
      () => {
        timer = undefined;
        lastMs = performance.now();
        onChange();
      },
      Math.max(GATHER_MS, lastMs + SPACING_MS - performance.now()),
    );
  };
  const listener = { topics, notify };
  listeners.add(listener);
  const polling = setInterval(() => {
    const isNeeded = everyMs !== undefined || connection.value !== 'open';
    if (isNeeded && isVisible.value && accessRefusal.value === null) notify();
  }, everyMs ?? POLL_MS);
  return () => {
    listeners.delete(listener);
    clearInterval(polling);
    clearTimeout(timer);
  };
}

/** Notifies the listeners of topics that something changed. */
export function notifyTopics(...topics: readonly Topic[]): void {
  for (const { topics: wanted, notify } of listeners)
    if (wanted.some((one) => topics.includes(one))) notify();
}

const isVisible = signal(!document.hidden);
document.addEventListener('visibilitychange', () => {
  isVisible.value = !document.hidden;
});

/**
 * Browsers allow six connections to a server for all tabs together. A tab in the background keeps its
 * stream only if its title shows progress.
 */
const isStreamNeeded = computed(() => {
  const [place, id] = route.value.path;
  return (
    accessRefusal.value === null && (isVisible.value || (id !== undefined && /^(jobs|runs)$/.test(place!)))
  );
});

/** The event after which the next stream continues; another key has other events, so a new key resets it. */
let lastEventId: string | undefined;

/** Keeps one stream of events open as long as the page is open. */
export function startLiveUpdates(): void {
  effect(() => {
    keyEpoch.value;
    lastEventId = undefined;
  });
  effect(() => {
    keyEpoch.value;
    if (!isStreamNeeded.value) return;
    const controller = new AbortController();
    untracked(() => void follow(controller.signal));
    return () => {
      controller.abort();
      connection.value = 'opening';
    };
  });
}

async function follow(signal: AbortSignal): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    const attempt = new AbortController();
    const giveUp = () => attempt.abort();
    signal.addEventListener('abort', giveUp);
    let silence = setTimeout(giveUp, SILENCE_MS);
    try {
      const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
      const response = await request('/v1/events', { headers, signal: attempt.signal });
      for await (const message of messagesIn(response.body!)) {
        if (signal.aborted) return;
        clearTimeout(silence);
        silence = setTimeout(giveUp, SILENCE_MS);
        pauseMs = FIRST_PAUSE_MS;
        connection.value = 'open';
        if (message === null) continue;
        lastEventId = message.id ?? lastEventId;
        applyEvent(JSON.parse(message.data) as EventData);
      }
    } catch (error) {
      if (signal.aborted) return;
      connection.value = 'lost';
      // The service would refuse the stream again, so data is read every few seconds instead.
      if (error instanceof ProblemError && !error.problem.retryable) return;
    } finally {
      clearTimeout(silence);
      signal.removeEventListener('abort', giveUp);
    }
    await pause(pauseMs, signal);
    pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
  }
}

function applyEvent(event: EventData): void {
  switch (event.type) {
    case 'stream.open':
    case 'stream.gap':
      // Earlier events may have been missed, so everything is read again; from then on the stream reports
      // all changes.
      for (const { notify } of listeners) notify();
      return;
    case 'job.progress':
      setProgress(event.data.job_id, event.data.progress);
      return;
    case 'batch.ended':
      notifyTopics('batches');
      return;
    default: {
      const { id, kind, state, batch_id: batch } = event.data.job;
      const isOver = state !== 'queued' && state !== 'active';
      if (state !== 'active') setProgress(id, null);
      notifyTopics(
        'jobs',
        `job:${id}`,
        ...(isOver ? (['adapters'] as const) : []),
        ...(batch ? (['batches'] as const) : []),
        ...(kind === 'checkpoint' ? (['runs'] as const) : []),
      );
    }
  }
}

function setProgress(jobId: string, progress: JobProgress | null): void {
  if (progress === null && !progressOfJobs.value.has(jobId)) return;
  const next = new Map(progressOfJobs.value);
  if (progress === null) next.delete(jobId);
  else next.set(jobId, progress);
  progressOfJobs.value = next;
}

/** Waits; ends early when the network is back. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener('online', end);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    addEventListener('online', end);
    signal.addEventListener('abort', end);
  });
}
