import type { Logger } from '../log.ts';
import { unfinishedBatches } from '../resources/jobs/batch-counts.ts';
import type { Workspaces } from '../resources/workspaces.ts';

/** Longest time until unfinished work is continued. The check is cheap, because only unfinished records are read. */
const INTERVAL_MS = 30_000;

export interface ReconcilerOptions {
  readonly workspaces: Workspaces;
  readonly logger: Logger;
  /** Shorter in tests. */
  readonly intervalMs?: number;
}

/**
 * Continues batches that a dead process has abandoned, and queues webhook deliveries again that the queue has lost:
 * at the start and periodically, for all tenants. Several processes may do this at the same time.
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

  /** Waits for the current round. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.round;
  }

  /** One round at a time, so that a slow storage is not queried by several. */
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
      logger.warn({ err: error }, 'the search for lost executions and deliveries failed');
    }
  }

  private async resume(batchId: string, tenant: string): Promise<void> {
    const { workspaces, logger } = this.options;
    try {
      await workspaces.of(tenant).batches.resume(batchId);
    } catch (error) {
      // A failure with one batch must not keep the others from being continued.
      logger.error(
        { batchId, tenant, err: error },
        'a batch that another process left unfinished cannot be continued',
      );
    }
  }
}
