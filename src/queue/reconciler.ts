import type { Logger } from '../log.ts';
import { unfinishedBatches } from '../resources/jobs/batch-counts.ts';
import type { Workspaces } from '../resources/workspaces.ts';

/** What was left is gone on with after this at most. Looking costs little: only what is unfinished is read. */
const INTERVAL_MS = 30_000;

export interface ReconcilerOptions {
  readonly workspaces: Workspaces;
  readonly logger: Logger;
  /** Shorter in tests. */
  readonly intervalMs?: number;
}

/**
 * Goes on with batches that a process left, and queues again deliveries to webhooks that the queue has lost, now and from
 * time to time, for all tenants. Several may do so at once.
 */
export class Reconciler {
  private readonly options: ReconcilerOptions;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> | undefined;

  constructor(options: ReconcilerOptions) {
    this.options = options;
  }

  start(): void {
    this.begin();
    this.timer = setInterval(() => this.begin(), this.options.intervalMs ?? INTERVAL_MS);
  }

  /** Waits for the round that goes on. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.round;
  }

  /** One round at a time: a slow storage must not be asked by several. */
  private begin(): void {
    this.round ??= this.reconcile().finally(() => {
      this.round = undefined;
    });
  }

  private async reconcile(): Promise<void> {
    const { workspaces, logger } = this.options;
    try {
      for (const { id, tenant } of await unfinishedBatches(workspaces.database))
        await this.resume(id, tenant);
      const deliveries = (await workspaces.deliveryKeeper?.reconcile()) ?? [];
      if (deliveries.length > 0)
        logger.warn({ deliveries }, 'the queue had lost deliveries; they are queued again');
    } catch (error) {
      logger.warn({ err: error }, 'what was lost cannot be looked for');
    }
  }

  private async resume(batchId: string, tenant: string): Promise<void> {
    const { workspaces, logger } = this.options;
    try {
      await workspaces.of(tenant).batches.resume(batchId);
    } catch (error) {
      // It must not keep the others from being looked after.
      logger.error({ batchId, tenant, err: error }, 'a batch that a process left cannot be gone on with');
    }
  }
}
