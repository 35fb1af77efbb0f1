import { formatRanks } from '../charts/format.ts';
import { succeededResults } from '../charts/succeeded-targets.ts';
import type { JobRecord } from '../contract/job.ts';

/**
 * What the report of a job and its figures are called: by the job's name; if it has none, by the names of what it read and
 * the ranks that it made.
 * @param sourceNames of those of its adapters that still exist
 */
export function reportName(
  job: Pick<JobRecord, 'id' | 'name' | 'results'>,
  sourceNames: readonly string[],
): string {
  if (job.name !== null) return job.name;
  const [first, ...others] = sourceNames;
  if (first === undefined) return job.id;
  const source = others.length === 0 ? first : `${first}+${others.length}`;
  const ranks = new Set(succeededResults(job).map(({ rank }) => formatRanks(rank)));
  return [source, ...(ranks.size > 0 ? ranks : ['analysis'])].join(' ');
}
