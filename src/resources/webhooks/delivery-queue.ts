/** Leads to a delivery: whose it is, and where it is recorded. */
export interface DeliveryTicket {
  readonly tenant: string;
  readonly webhookId: string;
  readonly deliveryId: string;
}

/**
 * The queue of deliveries as the service sees it. Their rows in the database say what is to be done; the queue only says
 * when, and may lose everything. Every method fails with AppError QUEUE_UNAVAILABLE, within about a second, when
 * Redis cannot be reached.
 */
export interface DeliveryQueue {
  /** Queues a delivery, to be attempted at `atMs` or immediately. A queued delivery stays unchanged. */
  add(ticket: DeliveryTicket, atMs?: number): Promise<void>;
  /** Has a delivery that is due by its row attempted at once, also one that waits for its time. */
  hasten(ticket: DeliveryTicket): Promise<void>;
  /** Has all deliveries attempted soon that wait for their times. */
  hastenAll(): Promise<void>;
  /** Those of the deliveries that are not in the queue. */
  missing(deliveryIds: readonly string[]): Promise<string[]>;
}
