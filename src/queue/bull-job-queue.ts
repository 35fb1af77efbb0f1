import { type JobsOptions, Queue, QueueEvents } from 'bullmq';
import type { Progress } from '../contract/job.ts';
import { parseDispatchId } from '../dispatch/dispatcher.ts';
import type { Dispatch, JobQueue, Risk } from '../dispatch/job-queue.ts';
import { AppError } from '../errors/app-error.ts';
import type { Logger } from '../log.ts';
import { parseOrigin } from '../tracing/origin.ts';
import { NO_TRACING, type Span, type Tracing } from '../tracing/tracing.ts';
import { type JobData, QUEUE_ATTRIBUTES, QUEUE_NAME } from './job-types.ts';
import { knownProgress } from './progress.ts';
import { RedisCommandClient, withCommandTimeout } from './redis-command-client.ts';
import {
  assessServer,
  keyPrefix,
  type RedisAddress,
  type RetryingConnection,
  retryingConnection,
  serverInfos,
} from './redis-connection.ts';

const JOB_OPTIONS = {
  // The outcome is in the database before a job ends here, so Redis need not keep it.
  removeOnComplete: true,
  removeOnFail: true,
} satisfies JobsOptions;

/** BullMQ itself would wait for a connection that is never established. */
const CLOSE_TIMEOUT_MS = 500;

/** The name of all jobs in BullMQ. */
const NAME = 'execution';

/** The events of BullMQ that may be of interest to a watcher. */
const EVENTS = ['waiting', 'active', 'progress', 'completed'] as const;

export interface JobQueueOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly logger: Logger;
  readonly tracing?: Tracing;
}

/** The queue in BullMQ. Every call answers or fails within about a second, whatever Redis does. */
export class BullJobQueue implements JobQueue {
  private readonly redis: RedisCommandClient;
  private readonly queue: Queue<JobData>;
  private readonly prefix: string;
  private readonly tracing: Tracing;
  private readonly hints: JobHints;

  constructor(options: JobQueueOptions) {
    this.tracing = options.tracing ?? NO_TRACING;
    this.redis = new RedisCommandClient(options.address);
    this.hints = new JobHints(options);
    this.prefix = keyPrefix(options.address, options.prefix);
    this.queue = new Queue(QUEUE_NAME, {
      connection: this.redis.client,
      prefix: this.prefix,
      defaultJobOptions: JOB_OPTIONS,
    });
    // The client's errors arrive here as well. Without a listener they would end the process.
    this.queue.on('error', (error) =>
      options.logger.warn({ err: error }, 'error on the connection of the queue'),
    );
  }

  async add(dispatches: readonly Dispatch[]): Promise<void> {
    const spans: Span[] = [];
    const jobs = dispatches.map(({ id: jobId, origin }) => {
      const { requestId, keyId, context: parent } = parseOrigin(origin);
      const attributes = { 'messaging.operation.type': 'send', 'messaging.message.id': jobId };
      const span = this.tracing.start(`send ${QUEUE_NAME}`, 'producer', {
        parent,
        attributes: { ...QUEUE_ATTRIBUTES, ...attributes },
      });
      spans.push(span);
      const ids = { ...(requestId !== undefined && { requestId }), ...(keyId !== undefined && { keyId }) };
      const data: JobData = { ...ids, ...span.context };
      return { name: NAME, data, opts: { jobId } };
    });
    try {
      await this.redis.run(() => this.queue.addBulk(jobs));
    } catch (error) {
      for (const span of spans) span.fail((error as AppError).code);
      throw error;
    } finally {
      for (const span of spans) span.end();
    }
  }

  missing(ids: readonly string[]): Promise<string[]> {
    return this.redis.run(async () => {
      const found = await Promise.all(ids.map((id) => this.redis.client.exists(this.queue.toKey(id))));
      return ids.filter((_, index) => found[index] === 0);
    });
  }

  progress(ids: readonly string[]): Promise<ReadonlyMap<string, Progress>> {
    return this.redis.run(async () => {
      const found = await Promise.all(
        ids.map((id) => this.redis.client.hget(this.queue.toKey(id), 'progress')),
      );
      const known = ids.map((id, index) => [id, knownProgress(JSON.parse(found[index] ?? 'null'))] as const);
      return new Map(known.flatMap(([id, progress]) => (progress ? [[id, progress] as const] : [])));
    });
  }

  watch(execution: string, onHint: () => void): () => void {
    return this.hints.watch(execution, onHint);
  }

  watchAll(onHint: (execution: string, progress?: Progress) => void): () => void {
    return this.hints.watchAll(onHint);
  }

  async check(): Promise<readonly Risk[]> {
    const { client } = this.redis;
    const [infos] = await this.redis.run(() =>
      // Adds to a list that does not exist. This changes nothing, but is refused in the same cases as adding a job:
      // by a full server, a replica, or a server that must write to its disk and cannot.
      Promise.all([serverInfos(client), client.lpushx(`${this.prefix}:ready`, '')]),
    );
    const servers = infos.map(assessServer);
    const fault = servers.find((server) => server.fault !== undefined)?.fault;
    if (fault !== undefined) throw new AppError('QUEUE_UNAVAILABLE', fault);
    // Several masters of a cluster may have the same risk.
    return [...new Map(servers.flatMap(({ risks }) => risks).map((risk) => [risk.detail, risk])).values()];
  }

  /** Closes the connections, even those that were never established. */
  async close(): Promise<void> {
    await this.hints.close();
    this.redis.close();
    await withCommandTimeout(CLOSE_TIMEOUT_MS, this.queue.close()).catch(() => undefined);
  }
}

/**
 * Reports that an execution may have changed, from BullMQ's events: one connection per process, opened by the first
 * watcher. Events are lost when the connection breaks, so watchers must not rely on them.
 */
class JobHints {
  private readonly options: Omit<JobQueueOptions, 'tracing'>;
  private readonly watchers = new Map<string, Set<() => void>>();
  private readonly ofAll = new Set<(execution: string, progress?: Progress) => void>();
  private events: { readonly source: QueueEvents; readonly redis: RetryingConnection } | undefined;
  private isClosed = false;

  constructor(options: Omit<JobQueueOptions, 'tracing'>) {
    this.options = options;
  }

  /** @returns a function that ends the watch, after which `onHint` is no longer called */
  watch(execution: string, onHint: () => void): () => void {
    this.begin();
    const watchers = this.watchers.get(execution) ?? new Set();
    this.watchers.set(execution, watchers);
    // A new function each time, because the same one may be passed twice.
    const hint = (): void => onHint();
    watchers.add(hint);
    return () => {
      watchers.delete(hint);
      if (watchers.size === 0 && this.watchers.get(execution) === watchers) this.watchers.delete(execution);
    };
  }

  /** As `watch`, for all executions. */
  watchAll(onHint: (execution: string, progress?: Progress) => void): () => void {
    this.begin();
    const hint: typeof onHint = (execution, progress) => onHint(execution, progress);
    this.ofAll.add(hint);
    return () => this.ofAll.delete(hint);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const { events } = this;
    this.events = undefined;
    if (!events) return;
    const closed = withCommandTimeout(CLOSE_TIMEOUT_MS, events.source.close()).catch(() => undefined);
    events.redis.close();
    await closed;
  }

  private begin(): void {
    if (!this.isClosed) this.events ??= this.open();
  }

  private open(): NonNullable<JobHints['events']> {
    const { address, prefix, logger } = this.options;
    const redis = retryingConnection(address);
    const source = new QueueEvents(QUEUE_NAME, {
      connection: redis.connection,
      prefix: keyPrefix(address, prefix),
    });
    source.on('error', (error) =>
      logger.warn({ err: error }, 'error on the connection for the events of the queue'),
    );
    for (const event of EVENTS)
      source.on(event, ({ jobId, data }: { jobId: string; data?: unknown }) =>
        this.hint(parseDispatchId(jobId).execution, event === 'progress' ? knownProgress(data) : undefined),
      );
    return { source, redis };
  }

  private hint(execution: string, progress: Progress | undefined): void {
    for (const onHint of [...this.ofAll]) onHint(execution, progress);
    for (const onHint of [...(this.watchers.get(execution) ?? [])]) onHint();
  }
}
