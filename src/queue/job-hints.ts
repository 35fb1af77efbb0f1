import { QueueEvents } from 'bullmq';
import { dispatched } from '../dispatch/dispatcher.ts';
import type { Logger } from '../log.ts';
import { keyPrefix, type PatientConnection, patientConnection, type RedisAddress } from './connection.ts';
import { QUEUE_NAME } from './job-types.ts';
import { within } from './redis-questions.ts';

/** What BullMQ tells that a watcher may want to know. */
const EVENTS = ['active', 'progress', 'completed'] as const;

/** BullMQ would wait for a connection that does not come about. */
const CLOSE_TIMEOUT_MS = 500;

export interface JobHintsOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly logger: Logger;
}

/**
 * Tells that something may have happened to an execution, from BullMQ's events: one connection for the process, opened when
 * somebody first watches. Events are lost with a connection, so nobody may rely on them.
 */
export class JobHints {
  private readonly options: JobHintsOptions;
  private readonly watchers = new Map<string, Set<() => void>>();
  private events: { readonly source: QueueEvents; readonly redis: PatientConnection } | undefined;
  private isClosed = false;

  constructor(options: JobHintsOptions) {
    this.options = options;
  }

  /** @returns what ends the watch; `onHint` is not called any more then */
  watch(execution: string, onHint: () => void): () => void {
    if (!this.isClosed) this.events ??= this.open();
    const watchers = this.watchers.get(execution) ?? new Set();
    this.watchers.set(execution, watchers);
    // A function of its own, for somebody may watch twice with the same one.
    const hint = (): void => onHint();
    watchers.add(hint);
    return () => {
      watchers.delete(hint);
      if (watchers.size === 0 && this.watchers.get(execution) === watchers) this.watchers.delete(execution);
    };
  }

  /** How many are watching, for tests of what is left behind. */
  get watching(): number {
    return [...this.watchers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const { events } = this;
    this.events = undefined;
    if (!events) return;
    const closed = within(CLOSE_TIMEOUT_MS, events.source.close()).catch(() => undefined);
    events.redis.close();
    await closed;
  }

  private open(): NonNullable<JobHints['events']> {
    const { address, prefix, logger } = this.options;
    const redis = patientConnection(address);
    const source = new QueueEvents(QUEUE_NAME, {
      connection: redis.connection,
      prefix: keyPrefix(address, prefix),
    });
    source.on('error', (error) => logger.warn({ err: error }, 'events of the queue'));
    for (const event of EVENTS)
      source.on(event, ({ jobId }: { jobId: string }) => this.hint(dispatched(jobId).execution));
    return { source, redis };
  }

  private hint(execution: string): void {
    for (const onHint of [...(this.watchers.get(execution) ?? [])]) onHint();
  }
}
