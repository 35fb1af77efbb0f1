import { Queue, Worker } from 'bullmq';
import type { Logger } from '../log.ts';
import type { SweptCount } from '../resources/contents/sweep.ts';
import type { Sweeper, SweepOutcome } from '../resources/sweeper.ts';
import { fixLocks } from './fix-locks.ts';
import { settlesWithin } from './redis-command-client.ts';
import {
  keyPrefix,
  type RedisAddress,
  type RetryingConnection,
  retryingConnection,
} from './redis-connection.ts';

/** A separate queue: maintenance must neither wait for jobs nor delay them. */
const QUEUE_NAME = 'maintenance';
const SCHEDULER_ID = 'sweep';
/** How often the schedule is checked, because Redis may have lost it with all its data. */
const CHECK_MS = 60_000;
/** Without a running sweep, closing only waits for Redis, which may be unavailable. */
const IDLE_CLOSE_MS = 1_000;

export interface MaintenanceOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly intervalMs: number;
  readonly sweeper: Pick<Sweeper, 'sweep'>;
  readonly metrics: SweepObserver;
  readonly logger: Logger;
}

/** Counts sweeps. */
export interface SweepObserver {
  done(sweep: Omit<SweepOutcome, 'swept'> & { readonly removed: readonly SweptCount[] }): void;
  failed(): void;
}

/**
 * Runs periodic sweeps, in one process of the whole deployment at a time: the schedule is in Redis, and any free
 * worker takes the next round. After a crash two rounds may overlap, which does no harm. A round that fails is logged
 * and counted, and the next one follows as scheduled.
 */
export class Maintenance {
  private readonly options: MaintenanceOptions;
  private readonly logger: Logger;
  private readonly connections: readonly RetryingConnection[];
  private readonly queue: Queue;
  private readonly worker: Worker;
  private timer: NodeJS.Timeout | undefined;
  /** The round in progress. It never fails. */
  private round: Promise<unknown> | undefined;

  constructor(options: MaintenanceOptions) {
    const { address, logger } = options;
    this.options = options;
    this.logger = logger.child({ component: 'maintenance' });
    const [forQueue, forWorker] = [retryingConnection(address), retryingConnection(address)];
    this.connections = [forQueue, forWorker];
    const prefix = keyPrefix(address, options.prefix);
    this.queue = new Queue(QUEUE_NAME, { connection: forQueue.connection, prefix });
    this.worker = new Worker(QUEUE_NAME, () => this.oneRound(), {
      connection: forWorker.connection,
      prefix,
      concurrency: 1,
      runRetryDelay: 1_000,
      autorun: false,
    });
    fixLocks(this.worker);
    const warn = (error: Error): void =>
      this.logger.warn({ err: error }, 'error on the connection for maintenance');
    this.queue.on('error', warn);
    this.worker.on('error', warn);
    this.worker.on('failed', (_job, error) => this.logger.warn({ err: error }, 'a sweep failed'));
  }

  /** Starts; if Redis is unavailable, as soon as it is available again. */
  start(): void {
    this.worker.run().catch((error: unknown) => this.logger.error({ err: error }, 'maintenance stopped'));
    void this.schedule();
    this.timer = setInterval(() => void this.schedule(), CHECK_MS);
    this.timer.unref();
  }

  /** @param graceMs how long to wait for a round in progress; it can be abandoned at any time */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.timer);
    if (this.round) await settlesWithin(this.round, Math.max(graceMs, 0));
    const closed = Promise.allSettled([this.worker.close(this.round !== undefined), this.queue.close()]);
    for (const connection of this.connections) connection.close();
    await settlesWithin(closed, IDLE_CLOSE_MS);
  }

  private oneRound(): Promise<void> {
    const sweep = this.sweep();
    this.round = sweep
      .catch(() => undefined)
      .then(() => {
        this.round = undefined;
      });
    return sweep;
  }

  private async sweep(): Promise<void> {
    const { sweeper, metrics } = this.options;
    try {
      const { swept, totals, seconds } = await sweeper.sweep();
      metrics.done({ removed: swept.all, totals, seconds });
      this.logger.info({ removed: swept.all, totals, seconds }, 'the storage was swept');
    } catch (error) {
      metrics.failed();
      throw error;
    }
  }

  private async schedule(): Promise<void> {
    const { intervalMs } = this.options;
    try {
      await this.queue.setGlobalConcurrency(1);
      const known = await this.queue.getJobScheduler(SCHEDULER_ID);
      // Only written if something changes, because each call postpones the next round.
      // A next round so far ahead means that the clock was put back.
      const isLost = (known?.next ?? 0) > Date.now() + 2 * intervalMs;
      if (known?.every === intervalMs && !isLost) return;
      if (isLost) await this.queue.removeJobScheduler(SCHEDULER_ID);
      await this.queue.upsertJobScheduler(
        SCHEDULER_ID,
        { every: intervalMs },
        { name: SCHEDULER_ID, opts: { removeOnComplete: true, removeOnFail: true } },
      );
    } catch (error) {
      this.logger.warn({ err: error }, 'sweeps cannot be scheduled');
    }
  }
}
