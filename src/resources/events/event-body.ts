import type { BatchRecord } from '../../contract/batch.ts';
import type { BatchEndEvent, EventJob, JobStateEvent, WebhookEvent } from '../../contract/event.ts';
import type { JobRecord } from '../../contract/job.ts';

/** Standard Webhooks requires less than 20 kB. */
const MAX_BYTES = 19_500;

/** Fields that are omitted from a job that is too large, in this order, until the rest fits. */
const LARGE_FIELDS = [
  'request',
  'results',
  'error',
  'labels',
] as const satisfies readonly (keyof JobRecord)[];

/** The text of an event, as it is sent and signed. */
export const eventBody = (event: WebhookEvent): string => JSON.stringify(event);

/** The event of a job. Most jobs fit completely; otherwise `omitted` names the fields that were left out. */
export function jobEventBody(type: JobStateEvent['type'], timestamp: string, job: JobRecord): string {
  const omitted: string[] = [];
  const left: EventJob = { ...job };
  for (const field of [undefined, ...LARGE_FIELDS]) {
    if (field !== undefined) {
      delete left[field];
      omitted.push(field);
    }
    const body = eventBody({ type, timestamp, data: { job: left, ...(omitted.length > 0 && { omitted }) } });
    if (Buffer.byteLength(body) <= MAX_BYTES) return body;
  }
  const { id, kind, state, ...rest } = job;
  return eventBody({ type, timestamp, data: { job: { id, kind, state }, omitted: Object.keys(rest) } });
}

/** The event of a batch. */
export const batchEventBody = (type: BatchEndEvent['type'], timestamp: string, batch: BatchRecord): string =>
  eventBody({ type, timestamp, data: { batch } });
