import { useState } from 'preact/hooks';
import { resultsOf, targetsOf } from '../../../src/charts/succeeded.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import type { Report } from '../../../src/contract/report.ts';
import { download } from '../api/download.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { get, post } from '../api/request.ts';
import { Facts } from '../components/facts.tsx';
import { FailedPage } from '../components/failed-page.tsx';
import { JobProgress } from '../components/job-progress.tsx';
import { ProblemNote } from '../components/problem-note.tsx';
import { ReportCharts } from '../components/report-charts.tsx';
import { FailedCard, ResultCard } from '../components/result-card.tsx';
import { StateBadge } from '../components/state-badge.tsx';
import { wayFromHere } from '../state/route.ts';
import { useJob } from '../state/use-job.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { duration, moment } from '../words/moments.ts';
import { targetInWords } from '../words/target-in-words.ts';

/** A job: what it is at, and what came of it. */
export function JobPage({ id }: { id: string }) {
  const { job, problem } = useJob(id);
  if (problem) return <FailedPage title="A job" problem={problem} />;
  if (!job) return <p class="note">Loading…</p>;
  return (
    <div class="stack">
      <Head job={job} />
      {(hasReport(job) || job.results.length > 0) && <Outcome job={job} />}
    </div>
  );
}

function Head({ job }: { job: JobRecord }) {
  const { id, kind, state, request, error, timings, provider } = job;
  const source = 'adapter_id' in request ? request.adapter_id : null;
  const isOpen = state === 'queued' || state === 'active';
  return (
    <section class="panel">
      <div class="panel-head">
        <h1>{titleOf(job)}</h1>
        <span role="status">
          <StateBadge state={state} />
        </span>
      </div>
      {isOpen && <JobProgress job={job} />}
      <ProblemNote problem={error} />
      <Facts
        facts={{
          Source: source && <a href={`#/adapters/${source}`}>its adapter</a>,
          Made: moment(job.created_at),
          Took: timings && duration(timings.total),
          'Computed by': provider && `ONNX Runtime ${provider.onnxruntime} on ${provider.name}`,
          'Retry of': job.retry_of && <a href={`#/jobs/${job.retry_of}`}>that job</a>,
          Labels: Object.entries(job.labels)
            .map(([name, value]) => `${name}:${value}`)
            .join(', '),
          Id: <code>{id}</code>,
        }}
      />
      <div class="row">
        {hasReport(job) && <ReportButtons jobId={id} />}
        {(state === 'partial' || state === 'failed' || state === 'cancelled') && <RetryButton jobId={id} />}
        {kind === 'analyze' && source && state === 'succeeded' && (
          <a class="button" href={`#/adapters/${source}`}>
            See the analysis
          </a>
        )}
      </div>
    </section>
  );
}

const hasReport = ({ state }: JobRecord): boolean => state === 'succeeded' || state === 'partial';

function titleOf({ kind, request }: JobRecord): string {
  const verb = `${kind[0]!.toUpperCase()}${kind.slice(1)}`;
  const targets = 'targets' in request ? request.targets : [];
  return targets.length === 0 ? verb : `${verb} to ${targets.map(targetInWords).join(', ')}`;
}

function Outcome({ job }: { job: JobRecord }) {
  const sourceId = 'adapter_id' in job.request ? (job.request.adapter_id ?? job.imported?.adapter_id) : null;
  const report = useLoaded(
    (signal) => (hasReport(job) ? get<Report>(`/v1/jobs/${job.id}/report`, signal) : null),
    [job.id],
  );
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
              <ResultCard key={index} jobId={job.id} index={index} result={result} source={source.value} />
            ),
          )}
        </div>
      )}
      <ProblemNote problem={report.problem} onAgain={report.again} />
      {report.value && report.value.targets.length > 0 && (
        <ReportCharts
          report={report.value}
          targets={targetsOf(report.value)}
          results={resultsOf(job)}
          source={source.value}
        />
      )}
    </>
  );
}

/** What each is called as a file, as the service calls it. */
const REPORT_FORMATS = [
  ['report.html', 'report.html', 'Report (HTML)'],
  ['report', 'report.json', 'Report (JSON)'],
  ['report.png', 'error-by-rank.png', 'Figure (PNG)'],
  ['report.svg', 'error-by-rank.svg', 'Figure (SVG)'],
] as const;

/** The report as people read it, and as programs do; its figure, the error by rank, for a text of one's own. */
function ReportButtons({ jobId }: { jobId: string }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const save = (form: string, filename: string) =>
    download(`/v1/jobs/${jobId}/${form}`, `${jobId}-${filename}`).catch((error: unknown) =>
      setProblem(problemOf(error)),
    );
  return (
    <>
      {REPORT_FORMATS.map(([form, filename, title]) => (
        <button key={form} type="button" class="download" onClick={() => void save(form, filename)}>
          <span aria-hidden="true">↓</span> {title}
        </button>
      ))}
      <ProblemNote problem={problem} />
    </>
  );
}

function RetryButton({ jobId }: { jobId: string }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const retry = () => {
    const go = wayFromHere();
    return post<JobRecord>(`/v1/jobs/${jobId}/retry`).then(
      ({ id }) => go(`/jobs/${id}`),
      (error: unknown) => setProblem(problemOf(error)),
    );
  };
  return (
    <>
      <button type="button" onClick={() => void retry()}>
        Try this job again
      </button>
      <ProblemNote problem={problem} />
    </>
  );
}
