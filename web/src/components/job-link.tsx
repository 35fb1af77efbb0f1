import type { JobRecord } from '../../../src/contract/job.ts';
import { get } from '../api/request.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { describeResult, jobTitle, resultOf } from '../text/job-text.ts';
import { JobSources } from './job-sources.tsx';

/** The job that made an adapter: a link to it, what it merged, and the error of this result. */
export function JobLink({ id, adapterId }: { id: string; adapterId: string }) {
  const { value: job, problem } = useLoaded((signal) => get<JobRecord>(`/v1/jobs/${id}`, signal), [id]);
  if (problem?.status === 404) return 'a deleted job';
  const result = job && resultOf(job, adapterId);
  return (
    <>
      <a href={`#/jobs/${id}`}>{job ? jobTitle(job) : 'this job'}</a>
      {job?.kind === 'merge' && (
        <span class="line">
          <JobSources job={job} />
        </span>
      )}
      {result && <span class="note line">{describeResult(result)}</span>}
    </>
  );
}
