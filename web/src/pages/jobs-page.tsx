import type { JobRecord } from '../../../src/contract/job.ts';
import { SelectField } from '../components/field.tsx';
import { JobRows } from '../components/job-rows.tsx';
import { PagesOf } from '../components/pages-of.tsx';
import { Panel } from '../components/panel.tsx';
import { TextFilter } from '../components/text-filter.tsx';
import { setQuery } from '../state/route.ts';

const STATES = ['queued', 'active', 'succeeded', 'partial', 'failed', 'cancelled'];
const KINDS = ['squeeze', 'analyze', 'merge', 'checkpoint', 'import', 'export'];

const options = (names: readonly string[]): [string, string][] => [
  ['', 'Any'],
  ...names.map((name): [string, string] => [name, name]),
];

/** All jobs, newest first. */
export function JobsPage({ query }: { query: Readonly<Record<string, string>> }) {
  const change = (part: Record<string, string>) => setQuery({ ...query, ...part });
  return (
    <div class="stack">
      <h1>Jobs</h1>
      <Panel title="What was asked for">
        <div class="filters">
          <SelectField
            label="State"
            value={query.state ?? ''}
            options={options(STATES)}
            onValue={(state) => change({ state })}
          />
          <SelectField
            label="Kind"
            value={query.kind ?? ''}
            options={options(KINDS)}
            onValue={(kind) => change({ kind })}
          />
          <TextFilter
            label="Label, as name:text"
            value={query.label ?? ''}
            onValue={(label) => change({ label })}
          />
        </div>
        <PagesOf<JobRecord> path="/v1/jobs" query={query} empty="No job matches these filters.">
          {(jobs) => <JobRows jobs={jobs} />}
        </PagesOf>
      </Panel>
    </div>
  );
}
