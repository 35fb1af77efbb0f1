import type { JobRecord } from '../../contract/job.ts';
import { AppError, jobFailure } from '../../errors/app-error.ts';

/**
 * The record of a job that is cancelled just now, with what is known of it so far. Results that it has by now stay; what was
 * still to be delivered is not.
 */
export function cancelledJob(record: JobRecord, progress = record.progress): JobRecord {
  const before = record.results.length === 0 ? 'it had results' : 'all its results were delivered';
  const error = jobFailure(new AppError('CANCELLED', `The job was cancelled before ${before}.`));
  const finished_at = new Date().toISOString();
  const deliveries = record.deliveries.map((delivery) =>
    delivery.state === 'pending' ? { ...delivery, state: 'failed' as const, error, finished_at } : delivery,
  );
  return { ...record, state: 'cancelled', progress, finished_at, deliveries, error };
}
