import type { BatchRecord } from '../../contract/batch.ts';
import { eventBody } from '../webhooks/event-body.ts';
import type { Outbox } from '../webhooks/outbox.ts';
import { summaryOf } from './batch-record.ts';

/** Tells webhooks that a batch has ended, without its jobs, which may be a thousand. @throws AppError STORAGE_* */
export async function announceBatch(outbox: Pick<Outbox, 'publish'>, batch: BatchRecord): Promise<void> {
  const at = batch.finished_at ?? batch.created_at;
  await outbox.publish({
    type: 'batch.finished',
    subject: batch.id,
    atMs: Date.parse(at),
    labels: batch.labels,
    body: eventBody('batch.finished', at, { batch: summaryOf(batch), omitted: ['jobs'] }),
  });
}
