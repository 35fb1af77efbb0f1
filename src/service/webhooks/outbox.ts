import type { JobRecord } from '../../contract/job.ts';
import type { Labels } from '../../contract/labels.ts';
import type { DeliveryRecord, EventType, WebhookRecord } from '../../contract/webhook.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { JobLabels } from '../job-control/job-labels.ts';
import { isFinal, JobStore } from '../job-store.ts';
import { hasLabels } from '../listing/label-filter.ts';
import { withoutQueue } from '../without-queue.ts';
import type { DeliveryQueue } from './delivery-queue.ts';
import { DeliveryStore } from './delivery-store.ts';
import { jobEventBody } from './event-body.ts';
import { deliveryIdOf } from './webhook-ids.ts';
import { WebhookStore } from './webhook-store.ts';

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

/**
 * Tells a tenant's webhooks what happened, so that nothing is lost: deliveries are durable before the mark of the job
 * goes that leads to them. Whoever finds a job final may announce it, several at once and again after a crash.
 */
export class Outbox {
  private readonly tenant: string;
  private readonly jobs: JobStore;
  private readonly labels: JobLabels;
  private readonly webhooks: WebhookStore;
  private readonly deliveries: DeliveryStore;
  private readonly queue: DeliveryQueue | undefined;

  /** @param queue undefined: deliveries are recorded, and queued by the next process that looks for lost ones */
  constructor(blobs: BlobStore, tenant: string, queue: DeliveryQueue | undefined) {
    this.tenant = tenant;
    this.jobs = new JobStore(blobs);
    this.labels = new JobLabels(blobs);
    this.webhooks = new WebhookStore(blobs);
    this.deliveries = new DeliveryStore(blobs);
    this.queue = queue;
  }

  /**
   * Tells of the end of a job, and removes its pending mark. Does nothing for one that was announced before.
   * @param job as it is recorded, final
   * @throws AppError STORAGE_*: the mark stays, and the job is announced again
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

  /** Records and queues an event's deliveries. Again, changes nothing. @throws AppError STORAGE_* */
  async publish({ type, subject, atMs, labels, body }: OutgoingEvent): Promise<void> {
    for (const webhook of await this.webhooks.list()) {
      if (!wants(webhook, type, labels)) continue;
      const id = deliveryIdOf(webhook.id, type, subject, atMs);
      const record = newDelivery({ id, webhook_id: webhook.id, type, subject });
      const { record: known } = await this.deliveries.open({ record, payload: body, attemptsBefore: 0 });
      if (known.status === 'pending') await this.enqueue(known);
    }
  }

  /** Without Redis it is queued later: its mark is there. */
  private async enqueue({
    id: deliveryId,
    webhook_id: webhookId,
    next_attempt_at,
  }: DeliveryRecord): Promise<void> {
    const atMs = next_attempt_at === null ? undefined : Date.parse(next_attempt_at);
    await withoutQueue(this.queue?.add({ tenant: this.tenant, webhookId, deliveryId }, atMs));
  }
}

export const newDelivery = (
  about: Pick<DeliveryRecord, 'id' | 'webhook_id' | 'type' | 'subject'>,
): DeliveryRecord => {
  const now = new Date().toISOString();
  return { ...about, status: 'pending', created_at: now, next_attempt_at: now, attempts: [] };
};

const wants = (webhook: WebhookRecord, type: EventType, labels: Labels): boolean =>
  webhook.enabled &&
  webhook.events.includes(type) &&
  hasLabels(
    labels,
    Object.entries(webhook.labels).map(([name, text]) => ({ name, text })),
  );
