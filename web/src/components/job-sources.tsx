import type { JobRecord } from '../../../src/contract/job.ts';
import { useAdapterNames } from '../state/names.ts';
import { sourceIdsOf, weightsOf } from '../text/job-text.ts';

/** The adapters that a job reads, by name; those of a merge with their weights: 0.7 × a + 0.3 × b. */
export function JobSources({ job }: { job: JobRecord }) {
  const weights = weightsOf(job);
  const ids =
    job.request.kind === 'merge' ? job.request.sources.map(({ adapter_id: id }) => id) : sourceIdsOf(job);
  const nameOf = useAdapterNames(ids);
  if (ids.length === 0) return '–';
  return (
    <>
      {ids.map((id, index) => (
        <span key={index}>
          {index > 0 && ' + '}
          {weights.length > 0 && `${weights[index]} × `}
          <a href={`#/adapters/${id}`}>{nameOf(id) ?? id}</a>
        </span>
      ))}
    </>
  );
}
