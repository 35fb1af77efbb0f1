import type { JobRecord } from '../../../src/contract/job.ts';
import { useAdapterNames } from '../state/names.ts';
import { withProgress } from '../state/use-job.ts';
import { formatMoment } from '../text/format-time.ts';
import { deliveryPlace, describeJobOutcome, jobTitle, sourceIdOf } from '../text/job-text.ts';
import { Path } from './module-name.tsx';
import { RecordTable } from './record-table.tsx';
import { StateBadge, VerdictBadge } from './state-badge.tsx';

/** Jobs as a table, each row of which links to the job's page. */
export function JobRows({ jobs }: { jobs: readonly JobRecord[] }) {
  const nameOf = useAdapterNames(jobs.flatMap((job) => sourceIdOf(job) ?? []));
  const subjectOf = (job: JobRecord): string => {
    const id = sourceIdOf(job);
    if (id === null) return deliveryPlace(job) ?? '';
    return nameOf(id) ?? (nameOf(id) === null ? 'a deleted adapter' : '');
  };
  return (
    <RecordTable
      label="Jobs"
      rows={jobs.map(withProgress)}
      keyOf={({ id }) => id}
      columns={[
        {
          title: 'Job',
          cell: (job) => (
            <>
              <a href={`#/jobs/${job.id}`}>{job.name === null ? jobTitle(job) : <Path text={job.name} />}</a>
              <span class="note line">
                <Path text={subjectOf(job)} />
              </span>
            </>
          ),
        },
        {
          title: 'State',
          cell: (job) => (
            <>
              <StateBadge state={job.state} /> <VerdictBadge job={job} />
            </>
          ),
        },
        { title: 'Result', cell: describeJobOutcome },
        { title: 'Created', cell: (job) => formatMoment(job.created_at), isExtra: true },
      ]}
    />
  );
}
