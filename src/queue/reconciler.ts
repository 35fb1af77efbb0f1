import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { TenantService } from '../service/tenants/tenant-service.ts';
import type { Workspace, Workspaces } from '../service/workspaces.ts';

/** What Redis lost is queued again after this at most. Looking costs little: only what is unfinished is read. */
const INTERVAL_MS = 30_000;

export interface ReconcilerOptions {
  readonly workspaces: Workspaces;
  readonly tenants: Pick<TenantService, 'list'>;
  readonly logger: Logger;
  /** Shorter in tests. */
  readonly intervalMs?: number;
}

/** Queues again what the queue has lost, now and from time to time, for all tenants. Several may do so at once. */
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
    const { workspaces, tenants, logger } = this.options;
    try {
      for (const { id } of await tenants.list()) await this.reconcileTenant(id, workspaces.of(id));
      // After the batches, which bring their jobs along.
      const jobs = await workspaces.jobKeeper.reconcile();
      if (jobs.length > 0) logger.warn({ jobs }, 'the queue had lost jobs; they are queued again');
      const deliveries = (await workspaces.deliveryKeeper?.reconcile()) ?? [];
      if (deliveries.length > 0)
        logger.warn({ deliveries }, 'the queue had lost deliveries; they are queued again');
    } catch (error) {
      logger.warn({ err: error }, 'what was lost cannot be looked for');
    }
  }

  /** @throws AppError what all tenants would meet: Redis or the storage is away */
  private async reconcileTenant(tenant: string, { batches }: Workspace): Promise<void> {
    const { logger } = this.options;
    try {
      const ids = await batches.reconcile();
      if (ids.length > 0)
        logger.warn({ tenant, batches: ids }, 'the queue had lost batches; they are queued again');
    } catch (error) {
      if (error instanceof AppError && error.retryable) throw error;
      // A damaged record, which must not keep the others from being looked after.
      logger.error({ tenant, err: error }, 'batches that the queue lost cannot be looked for');
    }
  }
}
