import { FlowProducer, type JobsOptions, Queue } from 'bullmq';
import type { Cluster, Redis } from 'ioredis';
import { BATCH_QUEUE_NAME, type JobData, QUEUE_NAME } from './job-types.ts';

/** What ends a batch may find the storage away: its turn comes again. The reconciler looks after that. */
const BATCH_OPTIONS = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: true,
} satisfies JobsOptions;

/**
 * Batches as BullMQ's flows: the batch waits in a queue of its own for its jobs, which wait in the queue of all jobs.
 * It is added with them in one transaction, and its turn comes when the last of them has ended, well or badly, or was
 * taken out.
 */
export class BatchFlows {
  private readonly producer: FlowProducer;
  private readonly batches: Queue;
  private readonly jobOptions: JobsOptions;

  constructor(connection: Redis | Cluster, prefix: string, jobOptions: JobsOptions) {
    this.producer = new FlowProducer({ connection, prefix });
    this.batches = new Queue(BATCH_QUEUE_NAME, { connection, prefix });
    this.jobOptions = jobOptions;
    // Trouble with the connection is told by the queue of jobs, which shares it.
    this.producer.on('error', () => undefined);
    this.batches.on('error', () => undefined);
  }

  /** Jobs and batches that are there already stay as they are. */
  async add(
    batchId: string,
    jobs: readonly { readonly id: string; readonly priority: number }[],
    data: JobData,
  ): Promise<void> {
    await this.producer.add({
      name: 'batch',
      queueName: BATCH_QUEUE_NAME,
      data,
      opts: { ...BATCH_OPTIONS, jobId: batchId },
      children: jobs.map(({ id, priority }) => ({
        name: 'squeeze',
        queueName: QUEUE_NAME,
        data,
        opts: { ...this.jobOptions, jobId: id, priority, ignoreDependencyOnFailure: true },
      })),
    });
  }

  /** Whether a batch waits for its turn, or has it. */
  async has(batchId: string): Promise<boolean> {
    return (await this.batches.getJob(batchId)) !== undefined;
  }

  async close(): Promise<void> {
    await Promise.all([this.producer.close(), this.batches.close()]);
  }
}
