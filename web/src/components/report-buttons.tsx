import { useState } from 'preact/hooks';
import { asFileName } from '../../../src/adapter/file-names.ts';
import type { JobRecord } from '../../../src/contract/job.ts';
import { reportName } from '../../../src/report/report-name.ts';
import { download } from '../api/download.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { useAdapterNames } from '../state/names.ts';
import { sourceIdsOf } from '../text/job-text.ts';
import { ProblemNote } from './problem-note.tsx';

/** The endings of the file names, which follow the name of the job, as the service names these files. */
const REPORT_FORMATS = [
  ['report.html', 'report.html', 'Report (HTML)'],
  ['report', 'report.json', 'Report (JSON)'],
  ['report.png', 'error-by-rank.png', 'Figure (PNG)'],
  ['report.svg', 'error-by-rank.svg', 'Figure (SVG)'],
] as const;

/** Buttons to download the report, for people and for programs, and its figure of the error by rank. */
export function ReportButtons({ job }: { job: JobRecord }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const ids = sourceIdsOf(job);
  const nameOf = useAdapterNames(ids);
  const called = asFileName(
    reportName(
      job,
      ids.flatMap((id) => nameOf(id) ?? []),
    ),
  );
  const save = (form: string, filename: string) =>
    download(`/v1/jobs/${job.id}/${form}`, `${called}-${filename}`).catch((error: unknown) =>
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
