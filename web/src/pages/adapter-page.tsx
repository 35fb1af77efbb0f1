import { useMemo } from 'preact/hooks';
import { bytesInWords } from '../../../src/charts/words.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { FormatRecord } from '../../../src/contract/format.ts';
import type { Report } from '../../../src/contract/report.ts';
import { analysisJob } from '../api/analysis.ts';
import { capabilities } from '../api/choices.ts';
import { get } from '../api/request.ts';
import { DownloadButtons } from '../components/download-buttons.tsx';
import { Facts } from '../components/facts.tsx';
import { FailedPage } from '../components/failed-page.tsx';
import { JobProgress } from '../components/job-progress.tsx';
import { Panel } from '../components/panel.tsx';
import { ProblemNote } from '../components/problem-note.tsx';
import { Warnings } from '../components/warnings.tsx';
import { Workbench } from '../components/workbench.tsx';
import { analyzedIn } from '../preview/preview.ts';
import { useJob } from '../state/use-job.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { moment } from '../words/moments.ts';
import { rankRange } from '../words/target-in-words.ts';

const CANCELLED = {
  title: 'The analysis was cancelled',
  detail: 'Without it the loss at each rank is not known.',
  code: 'CANCELLED',
};

/** An adapter: what it is, its analysis, and the choice of what becomes of it. */
export function AdapterPage({ id }: { id: string }) {
  const adapter = useLoaded((signal) => get<AdapterRecord>(`/v1/adapters/${id}`, signal), [id]);
  if (adapter.problem)
    return <FailedPage title="An adapter" problem={adapter.problem} onAgain={adapter.again} />;
  if (!adapter.value) return <p class="note">Loading…</p>;
  return (
    <div class="stack">
      <Head adapter={adapter.value} />
      <AnalysisOf adapter={adapter.value} />
    </div>
  );
}

function Head({ adapter }: { adapter: AdapterRecord }) {
  const {
    id,
    name,
    base_model: base,
    ranks,
    bytes,
    modules,
    dtypes,
    alpha,
    format,
    parent_id,
    job_id,
  } = adapter;
  return (
    <section class="panel">
      <h1 class="long">{name}</h1>
      <Facts
        facts={{
          'Base model': base ?? 'not named by its files',
          Rank: rankRange(ranks),
          Modules: modules.toLocaleString('en'),
          Size: bytesInWords(bytes),
          Parameters: adapter.parameters.toLocaleString('en'),
          Numbers: dtypes.join(', '),
          alpha,
          Format: format,
          Made: moment(adapter.created_at),
          'Squeezed from': parent_id && <a href={`#/adapters/${parent_id}`}>its source</a>,
          By: job_id && <a href={`#/jobs/${job_id}`}>this job</a>,
          Id: <code>{id}</code>,
        }}
      />
      <Warnings warnings={adapter.warnings} />
      <DownloadButtons adapterId={id} files={adapter.files} />
    </section>
  );
}

function AnalysisOf({ adapter: { id: adapterId, format } }: { adapter: AdapterRecord }) {
  const started = useLoaded((signal) => analysisJob(adapterId, signal), [adapterId]);
  const { job, problem } = useJob(started.value?.id ?? null);
  const isDone = job?.state === 'succeeded';
  const report = useLoaded(
    (signal) => (isDone ? get<Report>(`/v1/jobs/${job.id}/report`, signal) : null),
    [job?.id, isDone],
  );
  const choices = useLoaded(capabilities, []);
  const analyzed = useMemo(() => report.value && analyzedIn(report.value), [report.value]);
  const cancelled = job?.state === 'cancelled' ? CANCELLED : null;
  const failed = started.problem ?? problem ?? job?.error ?? cancelled ?? report.problem ?? choices.problem;
  if (failed) return <ProblemNote problem={failed} onAgain={started.again} />;
  if (analyzed && choices.value)
    return (
      <Workbench
        adapterId={adapterId}
        analyzed={analyzed}
        profiles={choices.value.profiles}
        formats={convertible(choices.value.formats, format)}
      />
    );
  return (
    <Panel title="Looking at every module">
      {job && !isDone ? <JobProgress job={job} /> : <p class="note">Loading…</p>}
    </Panel>
  );
}

/** The formats that an adapter can be written in besides its own. */
function convertible(formats: readonly FormatRecord[], own: string): readonly FormatRecord[] {
  const ways = formats.find(({ name }) => name === own)?.converts_to ?? [];
  return formats.filter(({ name }) => ways.some((way) => way.format === name));
}
