/** Identifies a delivery: its tenant, its webhook and its record. */
export interface DeliveryTicket {
  readonly tenant: string;
  readonly webhookId: string;
  readonly deliveryId: string;
}

/**
 * The queue of deliveries. Their rows in the database define what is to be done; the queue only controls when, and
 * may lose everything. Every method fails with AppError QUEUE_UNAVAILABLE, within about a second, if Redis cannot be
 * reached.
 */
export interface DeliveryQueue {
  /** Queues a delivery, to be attempted at `atMs` or immediately. A queued delivery stays unchanged. */
  add(ticket: DeliveryTicket, atMs?: number): Promise<void>;
  /** Starts the attempt at a due delivery at once, even if the queue still delays it. */
  promote(ticket: DeliveryTicket): Promise<void>;
  /** Lets all waiting deliveries be attempted soon. */
  promoteAll(): Promise<void>;
  /** The deliveries that are not in the queue. */
  missing(deliveryIds: readonly string[]): Promise<string[]>;
}
