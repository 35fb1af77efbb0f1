import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { Report } from '../../../src/contract/report.ts';
import { get, type Page } from '../api/request.ts';
import { ComparedResults } from '../components/compared-results.tsx';
import { SelectField } from '../components/field.tsx';
import { Panel } from '../components/panel.tsx';
import { ProblemNote } from '../components/problem-note.tsx';
import { type Query, setQuery } from '../state/route.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { describeTarget } from '../text/describe-target.ts';
import { distinctNames } from '../text/distinct-names.ts';
import { formatMoment } from '../text/format-time.ts';
import { sourceIdsOf } from '../text/job-text.ts';

/** Two results of jobs, side by side: `#/compare?a=job_1.0&b=job_2.1`. */
export function ComparePage({ query }: { query: Query }) {
  const { a = '', b = '' } = query;
  const jobs = useLoaded(
    (signal) => get<Page<JobRecord>>('/v1/jobs?state=succeeded&state=partial&limit=100', signal),
    [],
    ['jobs'],
  );
  const adapters = useLoaded(
    (signal) => get<Page<AdapterRecord>>('/v1/adapters?limit=200', signal),
    [],
    ['adapters'],
  );
  const names = distinctNames(adapters.value?.data ?? []);
  const formats = new Map(adapters.value?.data.map(({ id, format }) => [id, format]));
  const first = useLoaded((signal) => resultAt(a, signal), [a]);
  const second = useLoaded((signal) => resultAt(b, signal), [b]);
  const options = optionsOf(jobs.value?.data ?? [], names, formats);
  // The result chosen on the other side is not offered: comparing a result with itself says nothing.
  const choose = (label: string, name: 'a' | 'b', value: string, other: string) => {
    const offered = withOwn(
      options.filter(([one]) => one === '' || one === value || one !== other),
      value,
    );
    const chosen = value === '' ? undefined : offered.find(([one]) => one === value)?.[1];
    return (
      <SelectField
        label={label}
        value={value}
        options={offered}
        onValue={(next) => setQuery({ ...query, [name]: next })}
        // On a phone, a list shows only the beginning of what is chosen.
        note={chosen && <span class="on-phone">{chosen}</span>}
      />
    );
  };
  const problem = jobs.problem ?? first.problem ?? second.problem;
  return (
    <div class="stack">
      <h1>Compare two results</h1>
      <Panel title="Results to compare">
        <div class="filters two">
          {choose('First result', 'a', a, b)}
          {choose('Second result', 'b', b, a)}
        </div>
        {jobs.value && options.length === 1 && (
          <p class="note">There is no result yet. Squeeze an adapter first.</p>
        )}
      </Panel>
      <ProblemNote problem={problem} />
      {first.value && second.value && <ComparedResults first={first.value} second={second.value} />}
    </div>
  );
}

/** @returns null if no result is named */
function resultAt(name: string, signal: AbortSignal) {
  const [jobId, index = '0'] = name.split('.');
  if (!jobId) return null;
  return Promise.all([
    get<JobRecord>(`/v1/jobs/${jobId}`, signal),
    get<Report>(`/v1/jobs/${jobId}/report`, signal),
  ]).then(async ([job, report]) => {
    const [result, target] = [job.results[Number(index)], report.targets[Number(index)]];
    if (result?.state !== 'succeeded' || target?.state !== 'succeeded')
      throw new Error(`The job ${jobId} has no result ${index}.`);
    // The adapter may have been deleted since; the report still has its numbers.
    const name = await get<AdapterRecord>(`/v1/adapters/${result.adapter_id}`, signal).then(
      (adapter) => `${adapter.name}, `,
      () => '',
    );
    const label = `${name}${describeTarget(result.target)}`;
    return { label, result, modules: target.modules, sourceIds: sourceIdsOf(job) };
  });
}

function optionsOf(
  jobs: readonly JobRecord[],
  names: ReadonlyMap<string, string>,
  formats: ReadonlyMap<string, string>,
): [string, string][] {
  return [
    ['', 'Choose a result'],
    ...jobs.flatMap(({ id, results, finished_at: at }) =>
      results.flatMap((result, index): [string, string][] => {
        if (result.state === 'failed') return [];
        const parts = [
          describeTarget(result.target),
          names.get(result.adapter_id),
          result.target.format === undefined && formats.get(result.adapter_id),
          at === null ? undefined : formatMoment(at),
        ];
        return [[`${id}.${index}`, parts.filter(Boolean).join(', ')]];
      }),
    ),
  ];
}

/** A link may name a result that is older than those in the list, so it is added. */
const withOwn = (options: [string, string][], value: string): [string, string][] =>
  options.some(([one]) => one === value) ? options : [...options, [value, value]];
