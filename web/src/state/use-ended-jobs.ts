import { useEffect, useState } from 'preact/hooks';
import type { JobRecord } from '../../../src/contract/job.ts';
import { get } from '../api/request.ts';

/**
 * Reads ended jobs of which only the ids are known. Each is read once, because what an ended job has done does
 * not change.
 * @returns a function from an id to its job; undefined until the job is known, or if it was deleted
 */
export function useEndedJobs(ids: readonly string[]): (id: string | null) => JobRecord | undefined {
  const [jobs, setJobs] = useState<ReadonlyMap<string, JobRecord>>(new Map());
  const [asked] = useState(() => new Set<string>());
  useEffect(() => {
    for (const id of ids) {
      if (asked.has(id)) continue;
      asked.add(id);
      get<JobRecord>(`/v1/jobs/${id}`).then(
        (job) => setJobs((before) => new Map(before).set(id, job)),
        () => undefined,
      );
    }
  }, [ids.join()]);
  return (id) => (id === null ? undefined : jobs.get(id));
}
