import { Queue, Worker } from 'bullmq';
import type { Logger } from '../log.ts';
import type { SweptOfKind } from '../resources/contents/sweep.ts';
import type { Sweeper, SweepOutcome } from '../resources/sweeper.ts';
import { fixLocks } from './fix-locks.ts';
import {
  keyPrefix,
  type PatientConnection,
  patientConnection,
  type RedisAddress,
} from './redis-connection.ts';
import { endsWithin } from './redis-questions.ts';

/** A queue of its own: maintenance must neither wait for jobs nor hold them up. */
const QUEUE_NAME = 'maintenance';
const SCHEDULER_ID = 'sweep';
/** Redis may have lost the schedule with all its data. */
const CHECK_MS = 60_000;
/** Without a sweep there is nothing to wait for but Redis, which may be down. */
const IDLE_CLOSE_MS = 1_000;

export interface MaintenanceOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly intervalMs: number;
  readonly sweeper: Pick<Sweeper, 'sweep'>;
  readonly metrics: SweepObserver;
  readonly logger: Logger;
}

/** Who counts sweeps. */
export interface SweepObserver {
  done(sweep: Omit<SweepOutcome, 'swept'> & { readonly removed: readonly SweptOfKind[] }): void;
  failed(): void;
}

/**
 * Sweeps from time to time, in one process of the whole deployment at a time: the schedule is in Redis, and whichever
 * worker is free takes the next round. After a crash two rounds may overlap, which does no harm. A round that fails is
 * logged and counted, and the next one comes all the same.
 */
export class Maintenance {
  private readonly options: MaintenanceOptions;
  private readonly logger: Logger;
  private readonly connections: readonly PatientConnection[];
  private readonly queue: Queue;
  private readonly worker: Worker;
  private timer: NodeJS.Timeout | undefined;
  /** The one that is under way. It never fails. */
  private round: Promise<unknown> | undefined;

  constructor(options: MaintenanceOptions) {
    const { address, logger } = options;
    this.options = options;
    this.logger = logger.child({ component: 'maintenance' });
    const [forQueue, forWorker] = [patientConnection(address), patientConnection(address)];
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

  /** Starts; if Redis is unavailable, as soon as it is back. */
  start(): void {
    this.worker.run().catch((error: unknown) => this.logger.error({ err: error }, 'maintenance stopped'));
    void this.schedule();
    this.timer = setInterval(() => void this.schedule(), CHECK_MS);
    this.timer.unref();
  }

  /** @param graceMs how long a round that is under way may take; it can be left at any time */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.timer);
    if (this.round) await endsWithin(this.round, Math.max(graceMs, 0));
    const closed = Promise.allSettled([this.worker.close(this.round !== undefined), this.queue.close()]);
    for (const connection of this.connections) connection.close();
    await endsWithin(closed, IDLE_CLOSE_MS);
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
      // Only if something changes, because each call postpones the next round.
      // So far ahead it can only be because the clock was put back since.
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
