import { type JobsOptions, Queue } from 'bullmq';
import type { Progress } from '../contract/job.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { Bell } from '../service/events/bell.ts';
import type {
  JobQueue,
  QueuedJob,
  QueuedState,
  QueueOptions,
  QueuePriority,
  Risk,
} from '../service/job-queue.ts';
import { currentOrigin } from '../tracing/origin.ts';
import { NO_TRACING, type Tracing } from '../tracing/tracing.ts';
import { assessServer, keyPrefix, type RedisAddress, serverInfos } from './connection.ts';
import { JobHints } from './job-hints.ts';
import {
  cancelKey,
  countedAttempts,
  type JobData,
  type JobTotals,
  QUEUE_ATTRIBUTES,
  QUEUE_NAME,
} from './job-types.ts';
import { RedisQuestions, within } from './redis-questions.ts';

const FIRST_RETRY_DELAY_MS = 1_000;

const JOB_OPTIONS = {
  // One attempt and two more, for what may go away: storage, memory, a crash. Permanent errors are not retried.
  attempts: 3,
  backoff: { type: 'exponential', delay: FIRST_RETRY_DELAY_MS, jitter: 0.5 },
  // Its outcome is in the database before a job ends here, so Redis need not remember it.
  removeOnComplete: true,
  removeOnFail: true,
} satisfies JobsOptions;

const CLOSE_TIMEOUT_MS = 500;

/** BullMQ takes jobs without a priority first, then 1, then 2. */
const PRIORITIES: Readonly<Record<QueuePriority, number>> = { high: 0, normal: 1, low: 2 };

/** A job that is cancelled is looked at within a second; who runs it may have lost Redis for longer than that. */
const CANCEL_MARK_SECONDS = 3_600;

/**
 * How often a job is looked at that somebody waits for: BullMQ's events are quicker, but are lost with a connection, and
 * the first ones come before there is one.
 */
const POLL_MS = { begin: 100, later: 1_000 } as const;
const BEGIN_MS = 1_000;

/** Commands that are sent at once. */
const SENT_AT_ONCE = 100;

/** Of all jobs, for BullMQ. */
const NAME = 'squeeze';

export interface ProducerOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly logger: Logger;
  readonly tracing?: Tracing;
}

/** The queue in BullMQ. Every call answers or fails within about a second, whatever Redis does. */
export class BullJobQueue implements JobQueue {
  private readonly redis: RedisQuestions;
  private readonly queue: Queue<JobData, JobTotals>;
  private readonly prefix: string;
  private readonly tracing: Tracing;
  private readonly hints: JobHints;

  constructor(options: ProducerOptions) {
    this.tracing = options.tracing ?? NO_TRACING;
    this.redis = new RedisQuestions(options.address);
    this.hints = new JobHints(options);
    this.prefix = keyPrefix(options.address, options.prefix);
    this.queue = new Queue(QUEUE_NAME, {
      connection: this.redis.client,
      prefix: this.prefix,
      defaultJobOptions: JOB_OPTIONS,
    });
    // The client's errors arrive here too. Without a listener they would end the process.
    this.queue.on('error', (error) => options.logger.warn({ err: error }, 'queue connection'));
  }

  /** BullMQ's own, for the queue board. */
  get bullQueue(): Queue<JobData, JobTotals> {
    return this.queue;
  }

  async add(jobId: string, { tenant, priority = 'normal' }: QueueOptions): Promise<void> {
    await this.send({ 'lora_squeeze.job.id': jobId }, (data) =>
      this.queue.add(NAME, { tenant, ...data }, { jobId, priority: PRIORITIES[priority] }),
    );
  }

  async addAll(jobs: readonly QueuedJob[]): Promise<void> {
    for (let begin = 0; begin < jobs.length; begin += SENT_AT_ONCE) {
      const some = jobs.slice(begin, begin + SENT_AT_ONCE);
      await this.send({ 'messaging.batch.message_count': some.length }, (data) =>
        this.queue.addBulk(
          some.map(({ id: jobId, tenant, priority = 'normal' }) => ({
            name: NAME,
            data: { tenant, ...data },
            opts: { jobId, priority: PRIORITIES[priority] },
          })),
        ),
      );
    }
  }

  activeJobs(): Promise<ReadonlySet<string>> {
    return this.redis.ask(async () => new Set(await this.queue.getRanges(['active'])));
  }

  async remove(jobId: string): Promise<boolean> {
    return this.redis.ask(async () => {
      const job = await this.queue.getJob(jobId);
      if (!job || (await job.isActive())) return false;
      // Taken by a worker in this moment, it is locked, and the removal refused.
      return job.remove().then(
        () => true,
        async (error: unknown) => {
          if (await job.isActive()) return false;
          throw error;
        },
      );
    });
  }

  async cancel(jobId: string): Promise<void> {
    const key = cancelKey(this.prefix, jobId);
    await this.redis.ask(() => this.redis.client.set(key, '1', 'EX', CANCEL_MARK_SECONDS));
  }

  async state(jobId: string): Promise<QueuedState | undefined> {
    return this.redis.ask(async () => {
      const job = await this.queue.getJob(jobId);
      const state = await job?.getState();
      if (!job || state === 'unknown' || state === 'completed' || state === 'failed') return undefined;
      return {
        state: state === 'active' ? 'active' : 'queued',
        progress: isProgress(job.progress) ? job.progress : null,
        startedAt: job.processedOn === undefined ? null : new Date(job.processedOn),
        attempts: countedAttempts(job),
      };
    });
  }

  async missing(jobIds: readonly string[]): Promise<string[]> {
    const missing: string[] = [];
    for (let begin = 0; begin < jobIds.length; begin += SENT_AT_ONCE) {
      const some = jobIds.slice(begin, begin + SENT_AT_ONCE);
      const found = await this.redis.ask(() =>
        Promise.all(some.map((id) => this.redis.client.exists(this.queue.toKey(id)))),
      );
      missing.push(...some.filter((_, i) => found[i] === 0));
    }
    return missing;
  }

  watch(jobId: string, onHint: () => void): () => void {
    return this.hints.watch(jobId, onHint);
  }

  async waitUntilFinished(jobId: string, timeoutMs: number): Promise<void> {
    const startedMs = performance.now();
    const bell = new Bell();
    const unwatch = this.watch(jobId, () => bell.ring());
    try {
      while (await this.state(jobId)) {
        const passedMs = performance.now() - startedMs;
        if (passedMs >= timeoutMs) return;
        const pollMs = passedMs < BEGIN_MS ? POLL_MS.begin : POLL_MS.later;
        await bell.rung(Math.min(timeoutMs - passedMs, pollMs));
      }
    } finally {
      unwatch();
    }
  }

  async counts(): Promise<Record<string, number>> {
    const { prioritized = 0, ...counts } = await this.redis.ask(() =>
      this.queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed'),
    );
    return { ...counts, waiting: (counts.waiting ?? 0) + prioritized };
  }

  async check(): Promise<readonly Risk[]> {
    const { client } = this.redis;
    const [infos] = await this.redis.ask(() =>
      // Adds to a list that is not there, which changes nothing, but is refused where a job would be: by a full server, a
      // replica, or one that was told to write to its disk and cannot.
      Promise.all([serverInfos(client), client.lpushx(`${this.prefix}:ready`, '')]),
    );
    const servers = infos.map(assessServer);
    const fault = servers.find((server) => server.fault !== undefined)?.fault;
    if (fault !== undefined) throw new AppError('QUEUE_UNAVAILABLE', fault);
    // Several masters of a cluster may have the same trouble.
    return [...new Map(servers.flatMap(({ risks }) => risks).map((risk) => [risk.detail, risk])).values()];
  }

  /** Sends to the queue, and traces that. */
  private async send(
    attributes: Readonly<Record<string, string | number>>,
    add: (data: Omit<JobData, 'tenant'>) => Promise<unknown>,
  ): Promise<void> {
    const { requestId, context: parent } = currentOrigin();
    const span = this.tracing.start(`send ${QUEUE_NAME}`, 'producer', {
      parent,
      attributes: { ...QUEUE_ATTRIBUTES, 'messaging.operation.type': 'send', ...attributes },
    });
    const data = { ...(requestId !== undefined && { requestId }), ...span.context };
    try {
      await this.redis.ask(() => add(data));
    } catch (error) {
      span.fail((error as AppError).code);
      throw error;
    } finally {
      span.end();
    }
  }

  /** Closes the connections, also those that never came about. */
  async close(): Promise<void> {
    await this.hints.close();
    this.redis.close();
    await within(CLOSE_TIMEOUT_MS, this.queue.close()).catch(() => undefined);
  }
}

/** A job that has not reported yet has the progress 0. */
function isProgress(value: unknown): value is Progress {
  return typeof value === 'object' && value !== null && 'phase' in value;
}
