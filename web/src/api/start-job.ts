import type { JobRecord } from '../../../src/contract/job.ts';
import type { JobRequest } from '../../../src/contract/job-request.ts';
import { ProblemError } from './problem.ts';
import { post } from './request.ts';

/**
 * Starts a job, unless a dry run shows that one of its targets would fail.
 * @throws ProblemError the reason why the target would fail
 */
export async function startJob(request: JobRequest): Promise<JobRecord> {
  const { forecast } = await post<JobRecord>('/v1/jobs', { ...request, dry_run: true });
  const failure = forecast?.targets.find(({ error }) => error !== null)?.error;
  if (failure) throw new ProblemError({ ...failure, status: 0 });
  return post<JobRecord>('/v1/jobs', request);
}
