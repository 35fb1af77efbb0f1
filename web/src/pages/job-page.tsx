import { formatPercent, formatProgress } from '../../../src/charts/format.ts';
import { mainError, succeededResults, succeededTargets } from '../../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { JobRecord, JobResult } from '../../../src/contract/job.ts';
import type { Report } from '../../../src/contract/report.ts';
import { capabilities } from '../api/choices.ts';
import { get, pathWith, post, remove } from '../api/request.ts';
import { ActionButton } from '../components/action-button.tsx';
import { ConfirmButton } from '../components/confirm-button.tsx';
import { DeliveryList } from '../components/delivery-list.tsx';
import { EditableName } from '../components/editable-name.tsx';
import { Facts } from '../components/facts.tsx';
import { FailedPage } from '../components/failed-page.tsx';
import { JobProgress } from '../components/job-progress.tsx';
import { JobSources } from '../components/job-sources.tsx';
import { LabelList } from '../components/label-list.tsx';
import { ProblemNote } from '../components/problem-note.tsx';
import { ReportButtons } from '../components/report-buttons.tsx';
import { ReportCharts } from '../components/report-charts.tsx';
import { FailedCard, ResultCard } from '../components/result-card.tsx';
import { StateBadge, VerdictBadge } from '../components/state-badge.tsx';
import { queryOfTarget } from '../preview/target-address.ts';
import { hasScope } from '../state/access.ts';
import { notifyTopics } from '../state/live.ts';
import { navigatorFromHere } from '../state/route.ts';
import { useTitle } from '../state/title.ts';
import { isOpen, useJob } from '../state/use-job.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { formatDuration, formatMoment } from '../text/format-time.ts';
import { describeProgress } from '../text/job-progress.ts';
import { deliveryPlace, jobTitle, sourceIdOf, sourceIdsOf } from '../text/job-text.ts';
import { recordedPlace } from '../text/recorded-place.ts';

/** The page of a job: its progress, then its results. */
export function JobPage({ id }: { id: string }) {
  const { job, problem } = useJob(id);
  useTitle(job && tabTitle(job));
  if (problem) return <FailedPage title="Job" problem={problem} />;
  if (!job) return <p class="note">Loading…</p>;
  return (
    <div class="stack">
      <Head job={job} />
      {(hasReport(job) || job.results.length > 0) && <Outcome job={job} />}
    </div>
  );
}

const MARKS = { queued: '…', succeeded: '✓', partial: '!', failed: '✗', cancelled: '✗' } as const;

/** The title of the tab: the progress of the job, then its final state. */
function tabTitle(job: JobRecord): string {
  const mark =
    job.state === 'active' ? formatProgress(describeProgress(job, Date.now()).share) : MARKS[job.state];
  const [result] = succeededResults(job);
  const error = result && job.results.length === 1 ? `, ${formatPercent(mainError(result))}` : '';
  return `${mark} ${jobTitle(job)}${error}`;
}

function Head({ job }: { job: JobRecord }) {
  const { id, state, error, timings, provider, labels } = job;
  const changed = () => notifyTopics('jobs', `job:${id}`);
  return (
    <section class="panel">
      <div class="panel-head">
        <EditableName
          path={`/v1/jobs/${id}`}
          name={job.name}
          title={jobTitle({ ...job, name: null })}
          isOptional
          onChanged={changed}
        />
        <span role="status">
          <StateBadge state={state} /> <VerdictBadge job={job} />
        </span>
      </div>
      {isOpen(job) && <JobProgress job={job} />}
      {/* If every target failed, each result shows its own error. */}
      <ProblemNote
        problem={
          state === 'cancelled' || job.results.some((result) => result.state === 'failed') ? null : error
        }
      />
      {state === 'cancelled' && error && <p class="note">{error.detail}</p>}
      <Facts
        facts={{
          [job.kind === 'merge' ? 'Merged' : 'Adapter']: <JobSources job={job} />,
          'Fetched from': deliveryPlace(job),
          Batch: job.batch_id && <a href={`#/batches/${job.batch_id}`}>the batch it is part of</a>,
          Created: formatMoment(job.created_at),
          Took: timings && formatDuration(timings.total),
          'Computed by': provider && `ONNX Runtime ${provider.onnxruntime} on ${provider.name}`,
          Attempts: job.attempts > 1 ? `${job.attempts}; earlier ones failed or were interrupted` : null,
          'Retry of': job.retry_of && <a href={`#/jobs/${job.retry_of}`}>an earlier job</a>,
          Expires: job.expires_at && formatMoment(job.expires_at),
          ID: <code>{id}</code>,
        }}
      />
      <LabelList path={`/v1/jobs/${id}`} labels={labels} list="jobs" onChanged={changed} />
      <DeliveryList job={job} />
      <Actions job={job} />
    </section>
  );
}

/** Imports and deliveries compute nothing that a report could have. */
const hasReport = ({ kind, state }: JobRecord): boolean =>
  kind !== 'import' && kind !== 'export' && (state === 'succeeded' || state === 'partial');

function Actions({ job }: { job: JobRecord }) {
  const { id, kind, state } = job;
  const source = sourceIdOf(job);
  const isEnded = !isOpen(job);
  const retry = async () => {
    const go = navigatorFromHere();
    const made = await post<JobRecord>(`/v1/jobs/${id}/retry`);
    go(`/jobs/${made.id}`);
  };
  const drop = async () => {
    const go = navigatorFromHere();
    await remove(`/v1/jobs/${id}`);
    notifyTopics('jobs');
    go('/jobs');
  };
  return (
    <div class="row">
      {hasReport(job) && <ReportButtons job={job} />}
      {kind === 'analyze' && source && state === 'succeeded' && (
        <a class="button" href={`#/adapters/${source}`}>
          See the analysis
        </a>
      )}
      {kind === 'import' && source && (
        <a class="button primary" href={`#/adapters/${source}`}>
          Open the adapter
        </a>
      )}
      {canBeRetried(job) && (
        <ActionButton scope="write" onAct={retry}>
          Try this job again
        </ActionButton>
      )}
      <ChangeLink job={job} />
      {isEnded && (
        <ConfirmButton scope="write" verb="Delete" question="Delete this job?" onConfirm={drop}>
          <p>The report of the job is deleted too. The results stay.</p>
        </ConfirmButton>
      )}
    </div>
  );
}

/** Whether the same request may have another outcome. */
function canBeRetried({ state, error, results }: JobRecord): boolean {
  if (state === 'cancelled') return true;
  if (state !== 'failed' && state !== 'partial') return false;
  return error?.retryable ?? results.some((result) => result.state === 'failed' && result.error.retryable);
}

/** Whether a result could not be written, or its server does not load it. */
const isUnusable = (result: JobResult): boolean =>
  result.state === 'failed' || result.serving?.loads === false;

/**
 * A link for jobs that failed, or whose result the server does not load, if a retry cannot help. It opens the form
 * with the same choice, to be changed.
 */
function ChangeLink({ job }: { job: JobRecord }) {
  const form = formOfJob(job);
  if (form === null || !hasScope('write') || isOpen(job) || canBeRetried(job)) return null;
  if (job.state !== 'failed' && !job.results.some(isUnusable)) return null;
  return (
    <a class="button primary" href={form}>
      Change and run again
    </a>
  );
}

/** The address of the form with the choice of a job; null if the page has no form for it. */
function formOfJob(job: JobRecord): string | null {
  const { request, results } = job;
  const source = sourceIdOf(job);
  switch (request.kind) {
    case 'squeeze': {
      if (source === null) return null;
      const target = results.find(isUnusable)?.target ?? request.targets[0];
      return pathWith(`#/adapters/${source}`, target ? queryOfTarget(target) : {});
    }
    case 'merge':
      return pathWith('#/merge', { of: sourceIdsOf(job).join() });
    case 'import':
      return pathWith('#/adapters', { import: recordedPlace(request.source) });
    case 'export':
      return pathWith(`#/adapters/${request.adapter_id}`, { deliver: recordedPlace(request.to) });
    default:
      return null;
  }
}

function Outcome({ job }: { job: JobRecord }) {
  const sourceId = sourceIdOf(job);
  const report = useLoaded(
    (signal) => (hasReport(job) ? get<Report>(`/v1/jobs/${job.id}/report`, signal) : null),
    [job.id],
  );
  const choices = useLoaded(capabilities, []);
  const source = useLoaded(
    (signal) => (sourceId ? get<AdapterRecord>(`/v1/adapters/${sourceId}`, signal) : null),
    [sourceId],
  );
  return (
    <>
      {job.results.length > 0 && (
        <div class="results">
          {job.results.map((result, index) =>
            result.state === 'failed' ? (
              <FailedCard key={index} result={result} />
            ) : (
              <ResultCard
                key={index}
                jobId={job.id}
                index={index}
                result={result}
                source={source.value}
                profiles={choices.value?.profiles ?? []}
              />
            ),
          )}
        </div>
      )}
      <ProblemNote problem={report.problem} onAgain={report.again} />
      {report.value && report.value.targets.length > 0 && (
        <ReportCharts
          report={report.value}
          targets={succeededTargets(report.value)}
          results={succeededResults(job)}
          source={source.value}
        />
      )}
    </>
  );
}
