import type { JobRecord } from '../../../src/contract/job.ts';
import type { Report } from '../../../src/contract/report.ts';
import { get, type Page } from '../api/request.ts';
import { ComparedResults } from '../components/compared-results.tsx';
import { SelectField } from '../components/field.tsx';
import { Panel } from '../components/panel.tsx';
import { ProblemNote } from '../components/problem-note.tsx';
import { setQuery } from '../state/route.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { moment } from '../words/moments.ts';
import { targetInWords } from '../words/target-in-words.ts';

/** Two results of jobs, side by side: `#/compare?a=job_1.0&b=job_2.1`. */
export function ComparePage({ query }: { query: Readonly<Record<string, string>> }) {
  const { a = '', b = '' } = query;
  const jobs = useLoaded(
    (signal) => get<Page<JobRecord>>('/v1/jobs?state=succeeded&state=partial&limit=100', signal),
    [],
  );
  const first = useLoaded((signal) => resultAt(a, signal), [a]);
  const second = useLoaded((signal) => resultAt(b, signal), [b]);
  const options = optionsOf(jobs.value?.data ?? []);
  // What the other has chosen is not offered: nothing is learnt from a result beside itself.
  const choose = (label: string, name: 'a' | 'b', value: string, other: string) => (
    <SelectField
      label={label}
      value={value}
      options={withOwn(
        options.filter(([one]) => one === '' || one === value || one !== other),
        value,
      )}
      onValue={(next) => setQuery({ ...query, [name]: next })}
    />
  );
  const problem = jobs.problem ?? first.problem ?? second.problem;
  return (
    <div class="stack">
      <h1>Compare two results</h1>
      <Panel title="Which ones?">
        <div class="filters two">
          {choose('First result', 'a', a, b)}
          {choose('Second result', 'b', b, a)}
        </div>
        {jobs.value && options.length === 1 && (
          <p class="note">There is no result yet: squeeze an adapter first.</p>
        )}
      </Panel>
      <ProblemNote problem={problem} />
      {first.value && second.value && <ComparedResults first={first.value} second={second.value} />}
    </div>
  );
}

/** @returns null where none is named */
function resultAt(name: string, signal: AbortSignal) {
  const [jobId, index = '0'] = name.split('.');
  if (!jobId) return null;
  return Promise.all([
    get<JobRecord>(`/v1/jobs/${jobId}`, signal),
    get<Report>(`/v1/jobs/${jobId}/report`, signal),
  ]).then(([job, report]) => {
    const [result, target] = [job.results[Number(index)], report.targets[Number(index)]];
    if (result?.state !== 'succeeded' || target?.state !== 'succeeded')
      throw new Error(`The job ${jobId} has no result ${index}.`);
    return { label: targetInWords(result.target), result, modules: target.modules };
  });
}

function optionsOf(jobs: readonly JobRecord[]): [string, string][] {
  return [
    ['', 'Choose a result'],
    ...jobs.flatMap(({ id, results, finished_at: at }) =>
      results.flatMap(({ state, target }, index): [string, string][] =>
        state === 'failed'
          ? []
          : [[`${id}.${index}`, `${targetInWords(target)}, ${at ? moment(at) : ''} (${id.slice(0, 12)}…)`]],
      ),
    ),
  ];
}

/** A link may name an older one than the list has. */
const withOwn = (options: [string, string][], value: string): [string, string][] =>
  options.some(([one]) => one === value) ? options : [...options, [value, value]];
