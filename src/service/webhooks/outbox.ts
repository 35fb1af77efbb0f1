import type { JobRecord } from '../../contract/job.ts';
import type { Labels } from '../../contract/labels.ts';
import type { EventType, WebhookRecord } from '../../contract/webhook.ts';
import type { Database, Writer } from '../../database/database.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { JobLabels } from '../job-control/job-labels.ts';
import { isFinal, JobStore } from '../job-store.ts';
import { hasLabels } from '../listing/label-filter.ts';
import { withoutQueue } from '../without-queue.ts';
import type { DeliveryQueue, DeliveryTicket } from './delivery-queue.ts';
import { newDelivery } from './delivery-rows.ts';
import { jobEventBody } from './event-body.ts';
import { deliveryIdOf } from './webhook-ids.ts';
import { heldWebhooks, webhookRecord } from './webhook-store.ts';

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

export interface OutboxParts {
  /** What the tenant sees of the storage. */
  readonly blobs: BlobStore;
  readonly database: Database;
  readonly tenant: string;
  /** undefined: deliveries are recorded, and queued by the next process that looks for lost ones. */
  readonly queue: DeliveryQueue | undefined;
}

/**
 * Tells a tenant's webhooks what happened, so that nothing is lost: deliveries are durable before the mark of the job
 * goes that leads to them. Whoever finds a job final may announce it, several at once and again after a crash.
 */
export class Outbox {
  private readonly parts: OutboxParts;
  private readonly jobs: JobStore;
  private readonly labels: JobLabels;

  constructor(parts: OutboxParts) {
    this.parts = parts;
    this.jobs = new JobStore(parts.blobs);
    this.labels = new JobLabels(parts.blobs);
  }

  /**
   * Tells of the end of a job, and removes its pending mark. Does nothing for one that was announced before.
   * @param job as it is recorded, final
   * @throws AppError STORAGE_*, DATABASE_UNAVAILABLE: the mark stays, and the job is announced again
   */
  async announce(job: JobRecord): Promise<void> {
    if (!isFinal(job)) throw new TypeError(`Job ${job.id} is ${job.state}, not final`);
    if (!(await this.jobs.isPending(job.id))) return;
    const labelled = await this.labels.applied(job);
    await this.publish({
      type: `job.${job.state}` as EventType,
      subject: job.id,
      atMs: Date.parse(job.finished_at ?? job.created_at),
      labels: labelled.labels,
      body: jobEventBody(labelled),
    });
    await this.jobs.settle(job.id);
  }

  /**
   * Records an event's deliveries, all or none, and queues them. Again, changes nothing.
   * @throws AppError DATABASE_UNAVAILABLE, STORAGE_FULL
   */
  async publish(event: OutgoingEvent): Promise<void> {
    const { database, queue } = this.parts;
    const tickets = await database.write((writer) => this.record(writer, event));
    // Without Redis they are queued later: they are pending, and due.
    await Promise.all(tickets.map((ticket) => withoutQueue(queue?.add(ticket))));
  }

  private async record(
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
