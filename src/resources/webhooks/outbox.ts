import type { WebhookRecord } from '../../contract/webhook.ts';
import type { Database, Writer } from '../../database/database.ts';
import { deliveryIdOf } from '../../database/ids.ts';
import { hasLabels } from '../../database/lists/label-filter.ts';
import { ignoreQueueFailure } from '../../dispatch/job-queue.ts';
import type { OutgoingEvent } from '../events/outgoing-event.ts';
import type { DeliveryQueue, DeliveryTicket } from './delivery-queue.ts';
import { newDelivery } from './delivery-rows.ts';
import { lockedWebhooks, webhookRecord } from './store.ts';

/** Rows of one statement: SQLite accepts 32,766 values, and PostgreSQL twice as many. */
const ROWS_AT_ONCE = 500;

export interface OutboxParts {
  readonly database: Database;
  readonly tenant: string;
  /** undefined: deliveries are recorded, and queued by the next process that looks for lost ones. */
  readonly queue: DeliveryQueue | undefined;
}

/**
 * Creates deliveries to a tenant's webhooks in the transaction of the event, so that none is lost. Reporting an event
 * again changes nothing.
 */
export class Outbox {
  private readonly parts: OutboxParts;

  constructor(parts: OutboxParts) {
    this.parts = parts;
  }

  /** Queues recorded deliveries. Without Redis they are queued later, because they are pending and due. */
  async enqueue(tickets: readonly DeliveryTicket[]): Promise<void> {
    await Promise.all(tickets.map((ticket) => ignoreQueueFailure(this.parts.queue?.add(ticket))));
  }

  /** Records the deliveries of events, in the transaction that causes the events; `enqueue` them after it has ended. */
  async record(writer: Writer, events: readonly OutgoingEvent[]): Promise<DeliveryTicket[]> {
    if (events.length === 0) return [];
    const { database, tenant } = this.parts;
    // Always in the same order, so that transactions that report the same event cannot deadlock.
    const held = lockedWebhooks(database, writer, tenant).orderBy('id');
    const requested = [...new Set(events.flatMap(({ webhook }) => webhook ?? []))];
    const own = await held.where('of_request', '=', 0).execute();
    const ofRequests = requested.length === 0 ? [] : await held.where('id', 'in', requested).execute();
    const webhooks = [...own, ...ofRequests].map((row) => ({
      ...webhookRecord(row),
      isOfRequest: row.of_request === 1,
    }));
    const nowMs = Date.now();
    const deliveries = events.flatMap((event) => {
      const { type, subject, atMs, body: payload } = event;
      return webhooks
        .filter((webhook) => wants(webhook, event))
        .map(({ id: webhook }) => {
          const id = deliveryIdOf(webhook, type, subject, atMs);
          return newDelivery({ id, webhook, tenant, type, subject, payload }, nowMs);
        });
    });
    const tickets: DeliveryTicket[] = [];
    for (let begin = 0; begin < deliveries.length; begin += ROWS_AT_ONCE) {
      const inserted = await writer
        .insertInto('delivery')
        .values(deliveries.slice(begin, begin + ROWS_AT_ONCE))
        .onConflict((conflict) => conflict.doNothing())
        .returning(['webhook', 'id'])
        .execute();
      for (const { webhook: webhookId, id: deliveryId } of inserted)
        tickets.push({ tenant, webhookId, deliveryId });
    }
    return tickets;
  }
}

const wants = (
  webhook: WebhookRecord & { readonly isOfRequest: boolean },
  { type, labels, webhook: ofRequest }: OutgoingEvent,
): boolean =>
  webhook.enabled &&
  webhook.events.includes(type) &&
  (webhook.isOfRequest
    ? webhook.id === ofRequest
    : hasLabels(
        labels,
        Object.entries(webhook.labels).map(([name, text]) => ({ name, text })),
      ));
