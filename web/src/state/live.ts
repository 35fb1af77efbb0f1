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
import { keyEpoch, refused } from './key.ts';
import { route } from './route.ts';

/** What a part of the page may show; news are about one or several of them. */
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
const LONGEST_PAUSE_MS = 15_000;
/** The service says something every 15 seconds; after three times nothing the line is dead, whatever the browser thinks. */
const SILENCE_MS = 45_000;
/** News that come together are one reason to read again. */
const GATHER_MS = 100;
const SPACING_MS = 1_000;
/** How often things are read again while no news come. */
const WITHOUT_NEWS_MS = 5_000;

/** Whether news come from the service: `lost` from the moment the line broke until it is found again. */
export const connection = signal<'opening' | 'open' | 'lost'>('opening');
/** How far the jobs have come that run; from the stream only, so newer than any list. */
export const progressOfJobs = signal<ReadonlyMap<string, JobProgress>>(new Map());

interface Listener {
  readonly topics: readonly Topic[];
  readonly hear: () => void;
}
const listeners = new Set<Listener>();

/**
 * Calls when something changed that is about one of the topics: by the service's events, by the page itself, after a
 * lost line was found again, and every few seconds while there is none. Calls are at least a second apart.
 * @param everyMs how often it calls besides, while the tab is in view
 * @returns what ends it
 */
export function onNews(topics: readonly Topic[], react: () => void, everyMs?: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastMs = Number.NEGATIVE_INFINITY;
  const hear = () => {
    timer ??= setTimeout(
      () => {
        timer = undefined;
        lastMs = performance.now();
        react();
      },
      Math.max(GATHER_MS, lastMs + SPACING_MS - performance.now()),
    );
  };
  const listener = { topics, hear };
  listeners.add(listener);
  const polling = setInterval(() => {
    const isNeeded = everyMs !== undefined || connection.value !== 'open';
    if (isNeeded && isVisible.value && refused.value === null) hear();
  }, everyMs ?? WITHOUT_NEWS_MS);
  return () => {
    listeners.delete(listener);
    clearInterval(polling);
    clearTimeout(timer);
  };
}

/** Tells those that show something of the topics that it changed. */
export function tellNews(...topics: readonly Topic[]): void {
  for (const { topics: wanted, hear } of listeners) if (wanted.some((one) => topics.includes(one))) hear();
}

const isVisible = signal(!document.hidden);
document.addEventListener('visibilitychange', () => {
  isVisible.value = !document.hidden;
});

/**
 * Browsers have six connections to a server for all tabs together. A tab in the background keeps its stream only where
 * its title says how far something is.
 */
const isWanted = computed(() => {
  const [place, id] = route.value.path;
  return refused.value === null && (isVisible.value || (id !== undefined && /^(jobs|runs)$/.test(place!)));
});

/** Where the next stream goes on; another key has other events. */
let lastEventId: string | undefined;

/** Keeps one stream of events open as long as the page is. */
export function keepLive(): void {
  effect(() => {
    keyEpoch.value;
    lastEventId = undefined;
  });
  effect(() => {
    keyEpoch.value;
    if (!isWanted.value) return;
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
        take(JSON.parse(message.data) as EventData);
      }
    } catch (error) {
      if (signal.aborted) return;
      connection.value = 'lost';
      // It will be refused again: what is shown is read every few seconds instead.
      if (error instanceof ProblemError && !error.problem.retryable) return;
    } finally {
      clearTimeout(silence);
      signal.removeEventListener('abort', giveUp);
    }
    await pause(pauseMs, signal);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

function take(event: EventData): void {
  switch (event.type) {
    case 'stream.open':
    case 'stream.gap':
      // What happened before is not known; what is read from here on is never behind.
      for (const { hear } of listeners) hear();
      return;
    case 'job.progress':
      setProgress(event.data.job_id, event.data.progress);
      return;
    case 'batch.ended':
      tellNews('batches');
      return;
    default: {
      const { id, kind, state, batch_id: batch } = event.data.job;
      const isOver = state !== 'queued' && state !== 'active';
      if (state !== 'active') setProgress(id, null);
      tellNews(
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

/** Ends sooner when the network is back. */
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
