import type { JobRecord } from '../../../src/contract/job.ts';
import type { JobKind } from '../../../src/contract/job-request.ts';
import { LabelFilter, NameFilter, SelectFilter, whyEmpty } from '../components/filters.tsx';
import { JobRows } from '../components/job-rows.tsx';
import { PagesOf } from '../components/pages-of.tsx';
import { Panel } from '../components/panel.tsx';
import type { Query } from '../state/route.ts';

const STATES = [
  ['active,queued', 'Active or queued'],
  ['queued', 'Queued'],
  ['active', 'Active'],
  ['succeeded', 'Succeeded'],
  ['partial', 'Partial'],
  ['failed', 'Failed'],
  ['cancelled', 'Cancelled'],
] as const;

const KIND_WORDS: Readonly<Record<JobKind, string>> = {
  squeeze: 'Squeeze',
  analyze: 'Analysis',
  merge: 'Merge',
  checkpoint: 'Checkpoint',
  import: 'Import',
  export: 'Delivery',
};

/** All jobs, newest first. */
export const JobsPage = ({ query }: { query: Query }) => (
  <div class="stack">
    <h1>Jobs</h1>
    <Panel title="Newest first">
      <div class="filters">
        <SelectFilter label="State" name="state" query={query} options={STATES} />
        <SelectFilter label="Kind" name="kind" query={query} options={Object.entries(KIND_WORDS)} />
        <NameFilter query={query} more=" A title such as “Squeeze to rank 4” is not a name." />
        <LabelFilter query={query} />
      </div>
      <PagesOf<JobRecord> path="/v1/jobs" query={query} topic="jobs" empty={whyEmpty('job', query)}>
        {(jobs) => <JobRows jobs={jobs} />}
      </PagesOf>
    </Panel>
  </div>
);
