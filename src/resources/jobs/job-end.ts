import type { JobRecord, JobResult } from '../../contract/job.ts';

/**
 * How a job ends whose targets have all been tried: `succeeded` where all did, also where there are none, `partial` where some
 * did, else `failed` with the error of the first one.
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

/** Whether a job has a report: something came of it. */
export const hasReport = ({ state }: Pick<JobRecord, 'state'>): boolean =>
  state === 'succeeded' || state === 'partial';
