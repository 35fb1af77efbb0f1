import { AppError } from '../../src/errors/app-error.ts';
import type { DeliveryQueue, DeliveryTicket } from '../../src/resources/webhooks/delivery-queue.ts';

/** The DeliveryQueue port in memory, for testing its callers. Nothing is sent. */
export class MemoryDeliveryQueue implements DeliveryQueue {
  /** Tickets by the ids of their deliveries, and when they are due. */
  readonly held = new Map<string, DeliveryTicket & { readonly atMs: number }>();
  /** While set, every method fails as if Redis were gone. */
  down = false;

  async add(ticket: DeliveryTicket, atMs = 0): Promise<void> {
    this.fail();
    if (!this.held.has(ticket.deliveryId)) this.held.set(ticket.deliveryId, { ...ticket, atMs });
  }

  async promote(ticket: DeliveryTicket): Promise<void> {
    this.fail();
    this.held.set(ticket.deliveryId, { ...ticket, atMs: 0 });
  }

  async promoteAll(): Promise<void> {
    this.fail();
    for (const ticket of [...this.held.values()]) await this.promote(ticket);
  }

  async missing(deliveryIds: readonly string[]): Promise<string[]> {
    this.fail();
    return deliveryIds.filter((id) => !this.held.has(id));
  }

  private fail(): void {
    if (this.down) throw new AppError('QUEUE_UNAVAILABLE', 'Redis cannot be reached (ECONNREFUSED).');
  }
}
