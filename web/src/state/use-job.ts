import type { JobRecord } from '../../../src/contract/job.ts';
import type { Problem } from '../api/problem.ts';
import { get } from '../api/request.ts';
import { progressOfJobs } from './live.ts';
import { useLoaded } from './use-loaded.ts';

/** Whether a job has not ended. */
export const isOpen = ({ state }: Pick<JobRecord, 'state'>): boolean =>
  state === 'queued' || state === 'active';

/** A job with its latest progress. */
export function withProgress(job: JobRecord): JobRecord {
  const progress = isOpen(job) && progressOfJobs.value.get(job.id);
  return progress ? { ...job, progress } : job;
}

/** A job that is updated until it has ended. */
export function useJob(jobId: string | null): { job: JobRecord | null; problem: Problem | null } {
  const { value, problem } = useLoaded(
    (signal) => (jobId === null ? null : get<JobRecord>(`/v1/jobs/${jobId}`, signal)),
    [jobId],
    jobId === null ? [] : [`job:${jobId}`],
  );
  return { job: value?.id === jobId ? withProgress(value) : null, problem };
}
