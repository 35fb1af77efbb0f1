import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Cluster, Redis } from 'ioredis';
import type { Progress } from '../contract/job.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { JobQueue, QueuedState } from '../service/job-queue.ts';
import { currentOrigin } from '../tracing/origin.ts';
import { NO_TRACING, type Tracing } from '../tracing/tracing.ts';
import {
  COMMAND_TIMEOUT_MS,
  impatientClient,
  keyPrefix,
  type RedisAddress,
  serverInfos,
  unfitness,
} from './connection.ts';
import { type JobData, type JobTotals, QUEUE_ATTRIBUTES, QUEUE_NAME } from './job-types.ts';

/** One attempt and two more, for what may go away: storage, memory, a crash. Permanent errors are not retried. */
const ATTEMPTS = 3;
const FIRST_RETRY_DELAY_MS = 1_000;

/** With COMMAND_TIMEOUT_MS this bounds every call. */
const RECONNECT_WAIT_MS = 500;

const CLOSE_TIMEOUT_MS = 500;

/** A finished job is noticed after this at most. BullMQ's events would be quicker, but are lost with a connection. */
const POLL_MS = 100;

export interface ProducerOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly logger: Logger;
  readonly tracing?: Tracing;
}

/** The queue in BullMQ. Every call answers or fails within about a second, whatever Redis does. */
export class BullJobQueue implements JobQueue {
  private readonly client: Redis | Cluster;
  private readonly queue: Queue<JobData, JobTotals>;
  private readonly tracing: Tracing;
  private lastError: unknown;

  constructor(options: ProducerOptions) {
    this.tracing = options.tracing ?? NO_TRACING;
    this.client = impatientClient(options.address);
    this.queue = new Queue(QUEUE_NAME, {
      connection: this.client,
      prefix: keyPrefix(options.address, options.prefix),
      defaultJobOptions: {
        attempts: ATTEMPTS,
        backoff: { type: 'exponential', delay: FIRST_RETRY_DELAY_MS, jitter: 0.5 },
        // Its outcome is in the storage before a job ends here, so Redis need not remember it.
        removeOnComplete: true,
        removeOnFail: true,
      },
    });
    // The client's errors arrive here too. Without a listener they would end the process.
    this.queue.on('error', (error) => {
      this.lastError = error;
      options.logger.warn({ err: error }, 'queue connection');
    });
  }

  /** BullMQ's own, for the queue board. */
  get bullQueue(): Queue<JobData, JobTotals> {
    return this.queue;
  }

  async add(jobId: string): Promise<void> {
    const { requestId, context: parent } = currentOrigin();
    const span = this.tracing.start(`send ${QUEUE_NAME}`, 'producer', {
      parent,
      attributes: { ...QUEUE_ATTRIBUTES, 'messaging.operation.type': 'send', 'lora_squeeze.job.id': jobId },
    });
    const data: JobData = { ...(requestId !== undefined && { requestId }), ...span.context };
    try {
      await this.ask(() => this.queue.add('squeeze', data, { jobId }));
    } catch (error) {
      span.fail((error as AppError).code);
      throw error;
    } finally {
      span.end();
    }
  }

  async state(jobId: string): Promise<QueuedState | undefined> {
    return this.ask(async () => {
      const job = await this.queue.getJob(jobId);
      const state = await job?.getState();
      if (!job || state === 'unknown' || state === 'completed' || state === 'failed') return undefined;
      return {
        state: state === 'active' ? 'active' : 'queued',
        progress: isProgress(job.progress) ? job.progress : null,
        startedAt: job.processedOn === undefined ? null : new Date(job.processedOn),
        attempts: job.attemptsStarted,
      };
    });
  }

  async waitUntilFinished(jobId: string, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (await this.state(jobId)) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return;
      await sleep(Math.min(leftMs, POLL_MS));
    }
  }

  async counts(): Promise<Record<string, number>> {
    return this.ask(() => this.queue.getJobCounts('waiting', 'active', 'delayed'));
  }

  async check(): Promise<void> {
    const infos = await this.ask(() => serverInfos(this.client));
    const reasons = [...new Set(infos.flatMap(unfitness))];
    if (reasons.length > 0) {
      throw new AppError(
        'QUEUE_UNAVAILABLE',
        `The Redis server is not fit for the queue: ${reasons.join('; ')}.`,
        {
          reasons,
        },
      );
    }
  }

  /** Closes the connection, also one that never came about: BullMQ alone would wait for that. */
  async close(): Promise<void> {
    this.client.disconnect();
    await within(CLOSE_TIMEOUT_MS, this.queue.close()).catch(() => undefined);
  }

  /** @throws AppError QUEUE_UNAVAILABLE when Redis fails, or has not answered in time */
  private async ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      await this.connected();
      return await within(COMMAND_TIMEOUT_MS, question());
    } catch (error) {
      throw new AppError(
        'QUEUE_UNAVAILABLE',
        `The queue cannot be reached: ${reasonOf(error)}.`,
        {},
        { cause: error },
      );
    }
  }

  /** A connection that comes back at once is no reason to fail. */
  private async connected(): Promise<void> {
    const deadline = performance.now() + RECONNECT_WAIT_MS;
    while (this.client.status !== 'ready') {
      if (performance.now() > deadline) throw this.lastError ?? new Error('not connected');
      await sleep(20);
    }
  }
}

/** What went wrong, without the address of Redis: the message may go to clients. */
function reasonOf(error: unknown): string {
  const { code, message = String(error) } = error as { code?: unknown; message?: string };
  if (typeof code === 'string') return code;
  // These quote what a server, a sentinel or a node of a cluster had to say, with its address.
  if (message.startsWith('All sentinels are unreachable')) return 'no sentinel can be reached';
  if (message.startsWith('Too many Cluster redirections')) return 'the cluster has no master for the queue';
  return message;
}

async function within<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** A job that has not reported yet has the progress 0. */
function isProgress(value: unknown): value is Progress {
  return typeof value === 'object' && value !== null && 'phase' in value;
}
