import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../database/database.ts';
import type { JobQueue } from '../../dispatch/job-queue.ts';
import { type JobProgressUpdate, ProgressFeed } from './progress-feed.ts';
import { WakeSignal } from './wake-signal.ts';

/** The interval at which the table is read while the queue announces no events. */
const POLL_MS = 2_000;
/** After a hint an event is about to come, but may not be written yet. */
const FIRST_POLL_MS = 100;

/** A stream of the events of a tenant. */
export interface TailWatcher {
  /** Called when there may be new events. */
  readonly onNewEvents: () => void;
  readonly onProgress: (progress: JobProgressUpdate) => void;
}

export interface EventTailOptions {
  readonly database: Pick<Database, 'reader'>;
  readonly queue: Pick<JobQueue, 'watchAll'>;
  /** Default 2 s. */
  readonly pollMs?: number | undefined;
}

/**
 * Wakes all streams of a process when there are new events for them. One query serves all streams, so idle ones cost
 * nothing. Events of this process are noticed immediately, those of others when the queue hints at them, or within
 * two seconds without the queue. Without streams there are no queries.
 */
export class EventTail {
  private readonly options: EventTailOptions;
  private readonly feed: ProgressFeed;
  private readonly watchers = new Map<string, Set<TailWatcher>>();
  private readonly wakeSignal = new WakeSignal();
  private isPolling = false;

  constructor(options: EventTailOptions) {
    this.options = options;
    this.feed = new ProgressFeed(options.database, (tenant, progress) => {
      for (const { onProgress } of this.watchers.get(tenant) ?? []) onProgress(progress);
    });
  }

  /** Notes that this process has written an event of a tenant. */
  notify(tenant: string): void {
    for (const { onNewEvents } of this.watchers.get(tenant) ?? []) onNewEvents();
  }

  /** @returns a function that ends the watch */
  watch(tenant: string, watcher: TailWatcher): () => void {
    const own = this.watchers.get(tenant) ?? new Set();
    this.watchers.set(tenant, own.add(watcher));
    if (!this.isPolling) {
      this.isPolling = true;
      void this.poll();
    }
    return () => {
      own.delete(watcher);
      if (own.size > 0 || this.watchers.get(tenant) !== own) return;
      this.watchers.delete(tenant);
      // Without streams, polling stops.
      if (this.watchers.size === 0) this.wakeSignal.notify();
    };
  }

  private async poll(): Promise<void> {
    const { queue, pollMs: slowMs = POLL_MS } = this.options;
    const end = queue.watchAll((execution, progress) => {
      if (progress) this.feed.take(execution, progress);
      else this.wakeSignal.notify();
    });
    let known: number | undefined;
    for (let pollMs = FIRST_POLL_MS; this.watchers.size > 0; ) {
      known = await this.notifyNewEvents(known).catch(() => known);
      const hasNews = await this.wakeSignal.wait(pollMs);
      pollMs = hasNews ? FIRST_POLL_MS : Math.min(2 * pollMs, slowMs);
      // Polls no more often than this, even if there are many hints: clients would not notice faster updates.
      if (hasNews && this.watchers.size > 0) await sleep(FIRST_POLL_MS);
    }
    this.isPolling = false;
    end();
  }

  /**
   * @param known the position up to which all streams are informed; undefined: each stream has read the existing
   * events
   */
  private async notifyNewEvents(known: number | undefined): Promise<number> {
    const { reader } = this.options.database;
    if (known === undefined) {
      const newest = reader.selectFrom('event').select('place').orderBy('place', 'desc').limit(1);
      const place = (await newest.executeTakeFirst())?.place ?? 0;
      for (const tenant of this.watchers.keys()) this.notify(tenant);
      return place;
    }
    const news = await reader
      .selectFrom('event')
      .select(({ fn }) => ['tenant', fn.max('place').as('place')])
      .where('place', '>', known)
      .groupBy('tenant')
      .execute();
    for (const { tenant } of news) this.notify(tenant);
    return Math.max(known, ...news.map(({ place }) => place));
  }
}
