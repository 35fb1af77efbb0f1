import type { BatchSummary } from '../../contract/batch.ts';
import type { JobRecord } from '../../contract/job.ts';
import type { Labels } from '../../contract/labels.ts';
import type { EventType, WebhookRecord } from '../../contract/webhook.ts';
import type { Database, Writer } from '../../database/database.ts';
import { hasLabels } from '../../database/lists/label-filter.ts';
import { withoutQueue } from '../../dispatch/job-queue.ts';
import type { DeliveryQueue, DeliveryTicket } from './delivery-queue.ts';
import { newDelivery } from './delivery-rows.ts';
import { eventBody, jobEventBody } from './event-body.ts';
import { heldWebhooks, webhookRecord } from './store.ts';
import { deliveryIdOf } from './webhook-ids.ts';

/** Something that happened, told to all webhooks that ask for it. */
export interface OutgoingEvent {
  readonly type: EventType;
  /** Id of the job or batch. */
  readonly subject: string;
  /** The same one whoever tells of the event: it becomes a part of the ids of its deliveries. */
  readonly atMs: number;
  readonly labels: Labels;
  /** What is sent; see event-body.ts. */
  readonly body: string;
}

/** The end of a job. @param job as it ended */
export const jobEvent = (job: JobRecord): OutgoingEvent => ({
  type: `job.${job.state}` as EventType,
  subject: job.id,
  atMs: Date.parse(job.finished_at ?? job.created_at),
  labels: job.labels,
  body: jobEventBody(job),
});

/** The end of a batch, without its jobs, which may be a thousand. @param batch as it ended */
export function batchEvent(batch: BatchSummary): OutgoingEvent {
  const { id: subject, labels, finished_at, created_at } = batch;
  const [type, at] = ['batch.ended' as const, finished_at ?? created_at];
  return {
    ...{ type, subject, labels, atMs: Date.parse(at) },
    body: eventBody(type, at, { batch, omitted: ['jobs'] }),
  };
}

export interface OutboxParts {
  readonly database: Database;
  readonly tenant: string;
  /** undefined: deliveries are recorded, and queued by the next process that looks for lost ones. */
  readonly queue: DeliveryQueue | undefined;
}

/**
 * Tells a tenant's webhooks what happened, so that nothing is lost: deliveries become durable with what they tell of.
 * An event may be told again, and changes nothing then.
 */
export class Outbox {
  private readonly parts: OutboxParts;

  constructor(parts: OutboxParts) {
    this.parts = parts;
  }

  /** Queues deliveries that were recorded. Without Redis they are queued later: they are pending, and due. */
  async tell(tickets: readonly DeliveryTicket[]): Promise<void> {
    await Promise.all(tickets.map((ticket) => withoutQueue(this.parts.queue?.add(ticket))));
  }

  /** Records an event's deliveries in the transaction of what happened; when it has ended, `tell` them. */
  async record(
    writer: Writer,
    { type, subject, atMs, labels, body: payload }: OutgoingEvent,
  ): Promise<DeliveryTicket[]> {
    const { database, tenant } = this.parts;
    // In order, so that of two which tell of the same event neither waits for the other one in a circle.
    const webhooks = await heldWebhooks(database, writer, tenant).orderBy('id').execute();
    const wanted = webhooks.filter((webhook) => wants(webhookRecord(webhook), type, labels));
    if (wanted.length === 0) return [];
    const nowMs = Date.now();
    const rows = wanted.map(({ id: webhook }) => {
      const id = deliveryIdOf(webhook, type, subject, atMs);
      return newDelivery({ id, webhook, tenant, type, subject, payload }, nowMs);
    });
    const made = await writer
      .insertInto('delivery')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .returning(['webhook', 'id'])
      .execute();
    return made.map(({ webhook, id }) => ({ tenant, webhookId: webhook, deliveryId: id }));
  }
}

const wants = (webhook: WebhookRecord, type: EventType, labels: Labels): boolean =>
  webhook.enabled &&
  webhook.events.includes(type) &&
  hasLabels(
    labels,
    Object.entries(webhook.labels).map(([name, text]) => ({ name, text })),
  );
