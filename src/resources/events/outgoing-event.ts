import type { BatchRecord } from '../../contract/batch.ts';
import type { JobStateEvent } from '../../contract/event.ts';
import type { JobRecord, JobState } from '../../contract/job.ts';
import type { Labels } from '../../contract/labels.ts';
import type { EventType } from '../../contract/webhook.ts';
import { batchEventBody, jobEventBody } from './event-body.ts';

/** An event of a job or a batch, which is stored for streams and sent to the webhooks that subscribe to it. */
export interface OutgoingEvent {
  readonly type: EventType;
  /** Id of the job or batch. */
  readonly subject: string;
  /** null for an event of a batch. */
  readonly job: string | null;
  /** null for a job that belongs to no batch. */
  readonly batch: string | null;
  /** Id of the webhook that was part of the request; null if there was none. */
  readonly webhook: string | null;
  /**
   * The time of the event. It is the same wherever the event is reported, because it becomes part of the ids of its
   * deliveries.
   */
  readonly atMs: number;
  readonly labels: Labels;
  /** The text that is sent; see event-body.ts. */
  readonly body: string;
}

const TYPES = {
  queued: 'job.queued',
  active: 'job.started',
  succeeded: 'job.succeeded',
  partial: 'job.partial',
  failed: 'job.failed',
  cancelled: 'job.cancelled',
} as const satisfies Record<JobState, JobStateEvent['type']>;

/**
 * The event that a job has reached its current state.
 * @param job without secrets
 * @param atMs when it reached the state; default: when it ended, or was accepted
 */
export function jobEvent(
  job: JobRecord,
  atMs: number = Date.parse(job.finished_at ?? job.created_at),
): OutgoingEvent {
  const { id, batch_id: batch, webhook_id: webhook, labels } = job;
  const type = TYPES[job.state];
  const body = jobEventBody(type, new Date(atMs).toISOString(), job);
  return { type, subject: id, job: id, batch, webhook, atMs, labels, body };
}

/** The event that a batch has ended. @param batch in its final state */
export function batchEvent(batch: BatchRecord): OutgoingEvent {
  const { id, webhook_id: webhook, labels, finished_at, created_at } = batch;
  const [type, at] = ['batch.ended' as const, finished_at ?? created_at];
  const body = batchEventBody(type, at, batch);
  return { type, subject: id, job: null, batch: id, webhook, atMs: Date.parse(at), labels, body };
}
