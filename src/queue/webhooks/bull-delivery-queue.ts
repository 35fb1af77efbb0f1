import { type Job, Queue } from 'bullmq';
import type { Logger } from '../../log.ts';
import type { DeliveryQueue, DeliveryTicket } from '../../resources/webhooks/delivery-queue.ts';
import { RedisCommandClient, withCommandTimeout } from '../redis-command-client.ts';
import { keyPrefix, type RedisAddress } from '../redis-connection.ts';

export const DELIVERY_QUEUE_NAME = 'webhooks';

/** The data of a queued delivery, besides its id. */
export type DeliveryData = Omit<DeliveryTicket, 'deliveryId'>;
export type DeliveryJob = Job<DeliveryData, undefined>;

/** For failures of the database, not of the receiver; after these attempts the reconciler queues the delivery again. */
const ATTEMPTS = 5;
const RETRY_DELAY_MS = 5_000;

const CLOSE_TIMEOUT_MS = 500;
/** Deliveries that are looked up in one command, so that many pending ones take few round trips to Redis. */
const LOOKUP_BATCH = 500;

export interface DeliveryQueueOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly logger: Logger;
}

/** The queue of deliveries in BullMQ: jobs with the ids of deliveries. Those to be retried are delayed. */
export class BullDeliveryQueue implements DeliveryQueue {
  private readonly redis: RedisCommandClient;
  private readonly queue: Queue<DeliveryData, undefined>;

  constructor({ address, prefix, logger }: DeliveryQueueOptions) {
    this.redis = new RedisCommandClient(address);
    this.queue = new Queue(DELIVERY_QUEUE_NAME, {
      connection: this.redis.client,
      prefix: keyPrefix(address, prefix),
      defaultJobOptions: {
        attempts: ATTEMPTS,
        backoff: { type: 'fixed', delay: RETRY_DELAY_MS, jitter: 0.5 },
        // The outcome is in the database.
        removeOnComplete: true,
        removeOnFail: true,
      },
    });
    this.queue.on('error', (error) =>
      logger.warn({ err: error }, 'error on the connection of the queue of deliveries'),
    );
  }

  async add({ deliveryId, tenant, webhookId }: DeliveryTicket, atMs = 0): Promise<void> {
    const delay = Math.max(0, atMs - Date.now());
    const options = { jobId: deliveryId, ...(delay > 0 && { delay }) };
    await this.redis.run(() => this.queue.add('deliver', { tenant, webhookId }, options));
  }

  async promote(ticket: DeliveryTicket): Promise<void> {
    await this.add(ticket);
    await this.redis.run(async () => {
      const job = await this.queue.getJob(ticket.deliveryId);
      // A worker that has it checks the database after putting it back. Its time may come at this very moment.
      if (await job?.isDelayed()) await job?.promote().catch(() => undefined);
    });
  }

  async promoteAll(): Promise<void> {
    await this.redis.run(() => this.queue.promoteJobs());
  }

  async missing(deliveryIds: readonly string[]): Promise<string[]> {
    const missing: string[] = [];
    for (let begin = 0; begin < deliveryIds.length; begin += LOOKUP_BATCH) {
      const some = deliveryIds.slice(begin, begin + LOOKUP_BATCH);
      const found = await this.redis.run(() =>
        Promise.all(some.map((id) => this.redis.client.exists(this.queue.toKey(id)))),
      );
      missing.push(...some.filter((_, i) => found[i] === 0));
    }
    return missing;
  }

  /** Closes the connection, even one that was never established. */
  async close(): Promise<void> {
    this.redis.close();
    await withCommandTimeout(CLOSE_TIMEOUT_MS, this.queue.close()).catch(() => undefined);
  }
}
