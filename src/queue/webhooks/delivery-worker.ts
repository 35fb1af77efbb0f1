import { DelayedError, Worker } from 'bullmq';
import type { Database } from '../../database/database.ts';
import type { Logger } from '../../log.ts';
import { type AttemptResult, Deliverer, type DelivererOptions } from '../../resources/webhooks/deliverer.ts';
import { fixLocks } from '../fix-locks.ts';
import { settlesWithin } from '../redis-command-client.ts';
import {
  keyPrefix,
  type RedisAddress,
  type RetryingConnection,
  retryingConnection,
} from '../redis-connection.ts';
import { DELIVERY_QUEUE_NAME, type DeliveryData, type DeliveryJob } from './bull-delivery-queue.ts';

/** Requests that run at the same time: they wait for receivers and cost nothing meanwhile. */
const CONCURRENCY = 20;
/** The most of these for one webhook. */
const SHARE = 4;
/** If all slots are in use, a delivery is delayed: briefly or, if many wait, by the time that it takes to send them. */
const BACK_AFTER_MS = { min: 300, spread: 1_500 } as const;

/**
 * If a worker dies during a request, its deliveries stay locked for this time and until the next check (a third of
 * it).
 */
const LOCK_MS = 15_000;
/** A stalled delivery never counts as the reason why its worker died. */
const MAX_STALLED_COUNT = 1_000;
const CLOSE_TIMEOUT_MS = 1_000;

export interface DeliveryWorkerOptions extends DelivererOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly database: Database;
  readonly logger: Logger;
  /** Called for every attempt, for the metrics. */
  readonly onAttempt: (result: AttemptResult) => void;
  /** Shorter in tests. */
  readonly lockMs?: number;
}

/**
 * Takes deliveries from their queue and makes attempts at them, in this process, because it only waits for receivers.
 */
export class DeliveryWorker {
  private readonly options: DeliveryWorkerOptions;
  private readonly logger: Logger;
  private readonly redis: RetryingConnection;
  private readonly deliverer: Deliverer;
  private readonly worker: Worker<DeliveryData, undefined>;
  private readonly shares = new FairShare(SHARE);
  private readonly stopping = new AbortController();
  private underWay = 0;

  constructor(options: DeliveryWorkerOptions) {
    this.options = options;
    this.logger = options.logger.child({ component: 'webhooks' });
    const { lockMs = LOCK_MS } = options;
    this.redis = retryingConnection(options.address);
    this.deliverer = new Deliverer(options.database, options);
    this.worker = new Worker(DELIVERY_QUEUE_NAME, (job, token) => this.process(job, token), {
      connection: this.redis.connection,
      prefix: keyPrefix(options.address, options.prefix),
      autorun: false,
      concurrency: CONCURRENCY,
      lockDuration: lockMs,
      stalledInterval: Math.ceil(lockMs / 3),
      maxStalledCount: MAX_STALLED_COUNT,
      runRetryDelay: 1_000,
    });
    fixLocks(this.worker);
    this.worker.on('error', (error) =>
      this.logger.warn({ err: error }, 'error on the connection of the worker of deliveries'),
    );
    this.worker.on('failed', (job, error) => {
      if (!this.stopping.signal.aborted)
        this.logger.error({ deliveryId: job?.id, err: error }, 'a delivery cannot be recorded');
    });
  }

  /** Starts taking deliveries, until `close`. */
  start(): void {
    this.worker.run().catch((error: unknown) => this.logger.error({ err: error }, 'worker stopped'));
  }

  /** Takes no more deliveries. Requests in flight get `graceMs`; interrupted ones are repeated under the same id. */
  async close(graceMs: number): Promise<void> {
    const closed = this.worker
      .close()
      .catch((error: unknown) =>
        this.logger.warn({ err: error }, 'the worker of deliveries cannot be closed'),
      );
    // Without a running request, closing only waits for Redis, which may be unavailable.
    await settlesWithin(closed, this.underWay === 0 ? Math.min(graceMs, CLOSE_TIMEOUT_MS) : graceMs);
    this.stopping.abort(new Error('The service is stopping.'));
    await settlesWithin(closed, CLOSE_TIMEOUT_MS);
    this.redis.close();
  }

  /** @throws DelayedError, from which BullMQ learns that the job waits for another time */
  private async process(job: DeliveryJob, token: string | undefined): Promise<undefined> {
    const { webhookId } = job.data;
    const release = this.shares.take(webhookId);
    if (!release) {
      const backAtMs = Date.now() + BACK_AFTER_MS.min + Math.random() * BACK_AFTER_MS.spread;
      await job.moveToDelayed(Math.ceil(backAtMs), token);
      throw new DelayedError();
    }
    this.underWay++;
    try {
      const result = await this.deliverer.attempt(webhookId, job.id!, this.stopping.signal);
      this.logResult(job, result);
      const { nextAtMs } = result;
      if (nextAtMs === undefined) return undefined;
      await job.moveToDelayed(Math.ceil(nextAtMs), token);
      // A client may have requested it meanwhile, when it was not yet among the delayed ones and could not be
      // promoted.
      const isPromoted = this.deliverer.isDueBefore(webhookId, job.id!, nextAtMs);
      if (await isPromoted.catch(() => false)) await job.promote().catch(() => undefined);
      throw new DelayedError();
    } finally {
      this.underWay--;
      release();
    }
  }

  private logResult({ id: deliveryId, data }: DeliveryJob, result: AttemptResult): void {
    this.options.onAttempt(result);
    const { outcome, ms, error } = result;
    const line = { tenant: data.tenant, webhookId: data.webhookId, deliveryId, outcome, ms, reason: error };
    if (outcome === 'failed' || outcome === 'gone') this.logger.warn(line, 'delivery given up');
    else this.logger.info(line, 'delivery attempted');
  }
}

/** Lets each webhook use only some of the slots, so that a slow receiver leaves slots for the others. */
class FairShare {
  private readonly maximum: number;
  private readonly taken = new Map<string, number>();

  /** @param maximum slots that one webhook may use at the same time */
  constructor(maximum: number) {
    this.maximum = maximum;
  }

  /** @returns a function that returns the slot, once; undefined if none is available for this webhook */
  take(name: string): (() => void) | undefined {
    const taken = this.taken.get(name) ?? 0;
    if (taken >= this.maximum) return undefined;
    this.taken.set(name, taken + 1);
    return () => {
      const left = this.taken.get(name)! - 1;
      if (left === 0) this.taken.delete(name);
      else this.taken.set(name, left);
    };
  }
}
