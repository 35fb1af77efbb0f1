import { Worker } from 'bullmq';
import type { Database } from '../database/database.ts';
import type { Logger } from '../log.ts';
import { BatchFinisher } from '../service/batches/batch-finisher.ts';
import { JobStore } from '../service/job-store.ts';
import type { Observer } from '../service/observer.ts';
import type { DeliveryQueue } from '../service/webhooks/delivery-queue.ts';
import { Outbox } from '../service/webhooks/outbox.ts';
import { tenantStore } from '../service/workspaces.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { keyPrefix, type PatientConnection, patientConnection, type RedisAddress } from './connection.ts';
import { endsWithin } from './ends-within.ts';
import { BATCH_QUEUE_NAME, type JobData } from './job-types.ts';

/** It reads and writes small records; a batch of a thousand jobs takes tenths of a second. */
const CONCURRENCY = 4;
/** Without a batch there is nothing to wait for but Redis, which may be down. */
const IDLE_CLOSE_MS = 1_000;

export interface BatchWorkerOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly store: BlobStore;
  readonly database: Database;
  readonly logger: Logger;
  readonly deliveries?: DeliveryQueue | undefined;
  readonly observer?: Observer;
}

/** Ends batches, when their turn comes in the queue. */
export class BatchWorker {
  private readonly options: BatchWorkerOptions;
  private readonly logger: Logger;
  private readonly redis: PatientConnection;
  private readonly worker: Worker<JobData>;
  private underWay = 0;

  constructor(options: BatchWorkerOptions) {
    const { address, prefix, logger } = options;
    this.options = options;
    this.logger = logger.child({ component: 'batches' });
    this.redis = patientConnection(address);
    this.worker = new Worker<JobData>(BATCH_QUEUE_NAME, (job) => this.finish(job.id!, job.data.tenant), {
      connection: this.redis.connection,
      prefix: keyPrefix(address, prefix),
      concurrency: CONCURRENCY,
      runRetryDelay: 1_000,
      autorun: false,
    });
    this.worker.on('error', (error) => this.logger.warn({ err: error }, 'worker of batches'));
    this.worker.on('failed', (job, error) =>
      this.logger.warn({ batchId: job?.id, err: error }, 'a batch could not be ended'),
    );
  }

  /** Starts taking batches, until `close`. */
  start(): void {
    this.worker
      .run()
      .catch((error: unknown) => this.logger.error({ err: error }, 'worker of batches stopped'));
  }

  /** Takes no more batches. @param graceMs how long those that are being ended may take */
  async close(graceMs: number): Promise<void> {
    const closed = this.worker.close();
    await endsWithin(closed, this.underWay === 0 ? Math.min(graceMs, IDLE_CLOSE_MS) : graceMs);
    this.redis.close();
  }

  private async finish(batchId: string, tenant: string): Promise<void> {
    this.underWay++;
    try {
      await this.end(batchId, tenant);
    } finally {
      this.underWay--;
    }
  }

  private async end(batchId: string, tenant: string): Promise<void> {
    const { store, database, deliveries: queue, observer } = this.options;
    const blobs = tenantStore(store, tenant);
    const outbox = new Outbox({ database, tenant, queue });
    const jobs = new JobStore(database, tenant, outbox);
    const ended = await new BatchFinisher(blobs, jobs, outbox, observer).finish(batchId);
    if (!ended)
      return this.logger.warn({ batchId }, 'a batch has jobs without an outcome; it is looked after');
    this.logger.info({ batchId, state: ended.state, counts: ended.counts }, 'batch ended');
  }
}
