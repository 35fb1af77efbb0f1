import type { BatchSummary } from '../../contract/batch.ts';
import type { JobRecord } from '../../contract/job.ts';
import type { DeliveryType, WebhookEvent } from '../../contract/webhook.ts';

/** Standard Webhooks asks for less than 20 kB. */
const MAX_BYTES = 19_500;

/** What is left out of a job that is too large, in this order, until the rest fits. */
const LARGE_FIELDS = [
  'request',
  'results',
  'error',
  'labels',
] as const satisfies readonly (keyof JobRecord)[];

/** The text of an event, as it is sent and signed. */
export function eventBody(type: DeliveryType, timestamp: string, data: WebhookEvent['data']): string {
  return JSON.stringify({ type, timestamp, data } satisfies WebhookEvent);
}

/** The event of a job. Whole for common jobs; `omitted` names what had to be left out of others. */
export function jobEventBody(type: DeliveryType, timestamp: string, job: JobRecord): string {
  const omitted: string[] = [];
  const left: Partial<JobRecord> = { ...job };
  for (const field of [undefined, ...LARGE_FIELDS]) {
    if (field !== undefined) {
      delete left[field];
      omitted.push(field);
    }
    const body = eventBody(type, timestamp, { job: left, ...(omitted.length > 0 && { omitted }) });
    if (Buffer.byteLength(body) <= MAX_BYTES) return body;
  }
  return eventBody(type, timestamp, {
    job: { id: job.id, kind: job.kind, state: job.state },
    omitted: Object.keys(job).filter((field) => !['id', 'kind', 'state'].includes(field)),
  });
}

/** The event of a batch, without its jobs, which may be a thousand. */
export const batchEventBody = (type: DeliveryType, timestamp: string, batch: BatchSummary): string =>
  eventBody(type, timestamp, { batch, omitted: ['jobs'] });
