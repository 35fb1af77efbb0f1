import type { JobRecord, JobResult } from '../../contract/job.ts';
import { AppError, jobFailure } from '../../errors/app-error.ts';

/**
 * The final state of a job whose targets have all been tried: `succeeded` if all did (or there are none), `partial`
 * if some did, otherwise `failed` with the error of the first one.
 */
export function endOfTargets(results: readonly JobResult[]): Pick<JobRecord, 'state' | 'error'> {
  const [first, ...others] = results;
  const failures = results.filter(({ state }) => state === 'failed').length;
  if (failures === 0) return { state: 'succeeded', error: null };
  if (failures < results.length || first?.state !== 'failed') return { state: 'partial', error: null };
  const { error } = first;
  if (others.length === 0) return { state: 'failed', error };
  const context = { ...error.context, pointer: '/targets/0' };
  return { state: 'failed', error: { ...error, detail: `targets[0]: ${error.detail}`, context } };
}

/** Whether a job has a report: at least one of its targets succeeded. */
export const hasReport = ({ state }: Pick<JobRecord, 'state'>): boolean =>
  state === 'succeeded' || state === 'partial';

/**
 * The record of a job that is being cancelled, with what is known of it. Existing results stay; pending deliveries
 * fail.
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
