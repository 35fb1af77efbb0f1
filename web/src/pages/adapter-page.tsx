import { useMemo, useRef } from 'preact/hooks';
import { formatBytes } from '../../../src/charts/format.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { Report } from '../../../src/contract/report.ts';
import { analysisJob } from '../api/analysis.ts';
import { capabilities } from '../api/choices.ts';
import { get, remove } from '../api/request.ts';
import { ConfirmButton } from '../components/confirm-button.tsx';
import { DeliverForm } from '../components/deliver-form.tsx';
import { DownloadButtons } from '../components/download-buttons.tsx';
import { EditableName } from '../components/editable-name.tsx';
import { Facts } from '../components/facts.tsx';
import { FailedPage } from '../components/failed-page.tsx';
import { JobLink } from '../components/job-link.tsx';
import { JobProgress } from '../components/job-progress.tsx';
import { LabelList } from '../components/label-list.tsx';
import { Panel } from '../components/panel.tsx';
import { ProblemNote } from '../components/problem-note.tsx';
import { Warnings } from '../components/warnings.tsx';
import { Workbench } from '../components/workbench.tsx';
import { listConversions } from '../preview/format-options.ts';
import { analyzedAdapter } from '../preview/preview.ts';
import { hasScope } from '../state/access.ts';
import { notifyTopics } from '../state/live.ts';
import { useAdapterNames } from '../state/names.ts';
import { navigatorFromHere, route } from '../state/route.ts';
import { useTitle } from '../state/title.ts';
import { useJob } from '../state/use-job.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { rankRange } from '../text/describe-target.ts';
import { formatMoment } from '../text/format-time.ts';

const CANCELLED = {
  title: 'The analysis was cancelled',
  detail: 'Without it, the error at each rank is not known.',
  code: 'CANCELLED',
};

/** The page of an adapter: its facts, its analysis, and the form to squeeze it. */
export function AdapterPage({ id }: { id: string }) {
  const adapter = useLoaded(
    (signal) => get<AdapterRecord>(`/v1/adapters/${id}`, signal),
    [id],
    [`adapter:${id}`],
  );
  useTitle(adapter.value?.name ?? null);
  if (adapter.problem)
    return <FailedPage title="Adapter" problem={adapter.problem} onAgain={adapter.again} />;
  if (!adapter.value) return <p class="note">Loading…</p>;
  return (
    <div class="stack">
      <Head adapter={adapter.value} />
      <AnalysisOf adapter={adapter.value} />
    </div>
  );
}

function Head({ adapter }: { adapter: AdapterRecord }) {
  const { id, name, base_model: base, license, ranks, bytes, modules, dtypes, alpha, format } = adapter;
  const { parent_id: parent, job_id: job } = adapter;
  const nameOf = useAdapterNames(parent ? [parent] : []);
  const changed = () => notifyTopics('adapters', `adapter:${id}`);
  return (
    <section class="panel">
      <EditableName path={`/v1/adapters/${id}`} name={name} title={name} onChanged={changed} />
      <Facts
        facts={{
          'Base model': base ?? 'not in its files',
          License: license,
          Rank: rankRange(ranks),
          Modules: modules.toLocaleString('en'),
          Size: formatBytes(bytes),
          Parameters: adapter.parameters.toLocaleString('en'),
          'Number format': dtypes.join(', '),
          alpha,
          Format: format,
          Created: formatMoment(adapter.created_at),
          'Squeezed from': parent && <a href={`#/adapters/${parent}`}>{nameOf(parent) ?? 'its source'}</a>,
          'Result of': job && <JobLink id={job} adapterId={id} />,
          Expires: adapter.expires_at && formatMoment(adapter.expires_at),
          ID: <code>{id}</code>,
        }}
      />
      <LabelList path={`/v1/adapters/${id}`} labels={adapter.labels} list="adapters" onChanged={changed} />
      <Warnings warnings={adapter.warnings} />
      <DownloadButtons adapter={adapter} />
      <Actions adapter={adapter} />
    </section>
  );
}

function Actions({ adapter: { id, name } }: { adapter: AdapterRecord }) {
  // The studio writes its choice into the address and leaves out everything else.
  const deliverTo = useRef(route.value.query.deliver).current;
  if (!hasScope('write')) return null;
  const drop = async () => {
    const go = navigatorFromHere();
    await remove(`/v1/adapters/${id}`);
    notifyTopics('adapters');
    go('/adapters');
  };
  return (
    <div class="row">
      <DeliverForm adapterId={id} name={name} to={deliverTo} />
      <a class="button" href={`#/merge?of=${id}`}>
        Merge with others
      </a>
      <ConfirmButton
        scope="write"
        verb="Delete"
        label={`Delete ${name}`}
        question={`Delete ${name}?`}
        onConfirm={drop}
      >
        <p>The files are deleted at once. The jobs and results of this adapter stay.</p>
      </ConfirmButton>
    </div>
  );
}

function AnalysisOf({ adapter }: { adapter: AdapterRecord }) {
  const { id: adapterId, format, base_model: baseModel } = adapter;
  const started = useLoaded((signal) => analysisJob(adapterId, signal), [adapterId]);
  const { job, problem } = useJob(started.value?.id ?? null);
  const isDone = job?.state === 'succeeded';
  const report = useLoaded(
    (signal) => (isDone ? get<Report>(`/v1/jobs/${job.id}/report`, signal) : null),
    [job?.id, isDone],
  );
  const choices = useLoaded(capabilities, []);
  const analyzed = useMemo(() => report.value && analyzedAdapter(report.value), [report.value]);
  const conversions = useMemo(
    () => choices.value && listConversions(choices.value, format, baseModel),
    [choices.value, format, baseModel],
  );
  const cancelled = job?.state === 'cancelled' ? CANCELLED : null;
  const failed = started.problem ?? problem ?? job?.error ?? cancelled ?? report.problem ?? choices.problem;
  if (failed) return <ProblemNote problem={failed} onAgain={started.again} />;
  if (analyzed && choices.value && conversions)
    return (
      <Workbench
        adapterId={adapterId}
        analyzed={analyzed}
        profiles={choices.value.profiles}
        conversions={conversions}
      />
    );
  return (
    <Panel title="Analysing every module">
      {job && !isDone ? <JobProgress job={job} /> : <p class="note">Loading…</p>}
    </Panel>
  );
}
