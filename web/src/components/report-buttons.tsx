import { useState } from 'preact/hooks';
import { download } from '../api/download.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { ProblemNote } from './problem-note.tsx';

/** What each is called as a file, as the service calls it. */
const REPORT_FORMATS = [
  ['report.html', 'report.html', 'Report (HTML)'],
  ['report', 'report.json', 'Report (JSON)'],
  ['report.png', 'error-by-rank.png', 'Figure (PNG)'],
  ['report.svg', 'error-by-rank.svg', 'Figure (SVG)'],
] as const;

/** The report for people and for programs, and its figure, the error by rank. */
export function ReportButtons({ jobId }: { jobId: string }) {
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
