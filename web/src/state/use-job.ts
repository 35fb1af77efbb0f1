import { useEffect, useState } from 'preact/hooks';
import type { JobRecord } from '../../../src/contract/job.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { get } from '../api/request.ts';
import { watchJob } from '../api/watch-job.ts';
import { keyEpoch } from './key.ts';

/** A job as it is now, as long as it goes on. */
export function useJob(jobId: string | null): { job: JobRecord | null; problem: Problem | null } {
  const [job, setJob] = useState<JobRecord | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    setJob(null);
    setProblem(null);
    if (jobId === null) return;
    const controller = new AbortController();
    follow(jobId, controller.signal, setJob).catch(
      (error: unknown) => !controller.signal.aborted && setProblem(problemOf(error)),
    );
    return () => controller.abort();
  }, [jobId, keyEpoch.value]);
  return { job: job?.id === jobId ? job : null, problem };
}

async function follow(
  jobId: string,
  signal: AbortSignal,
  tell: (change: JobRecord | ((before: JobRecord | null) => JobRecord | null)) => void,
): Promise<void> {
  const first = await get<JobRecord>(`/v1/jobs/${jobId}`, signal);
  if (signal.aborted) return;
  tell(first);
  if (first.finished_at !== null) return;
  for await (const { event, data } of watchJob(jobId, signal)) {
    // Events that had come with the same packet: they belong to a job that is no longer shown.
    if (signal.aborted) return;
    if (event === 'state') tell(data);
    else tell((before) => before && { ...before, progress: data });
  }
}
