import { useState } from 'preact/hooks';
import { bytesInWords } from '../../../src/charts/words.ts';
import type { JobPhase, JobRecord } from '../../../src/contract/job.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { post } from '../api/request.ts';
import { Bar } from './bar.tsx';
import { ProblemNote } from './problem-note.tsx';

const PHASE_WORDS: Readonly<Record<JobPhase | 'waiting', string>> = {
  waiting: 'Waiting for its turn',
  import: 'Fetching the adapter',
  load: 'Reading the weights',
  gram: 'Taking the modules apart',
  core: 'Finding singular values',
  project: 'Projecting to the new ranks',
  write: 'Writing and measuring',
  deliver: 'Delivering',
  done: 'Done',
};
/** Phases that count bytes, not modules. */
const IN_BYTES: readonly string[] = ['import', 'deliver'];
const ORDER = Object.keys(PHASE_WORDS);

/** What a job is at, and a way to stop it. */
export function JobProgress({ job }: { job: JobRecord }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const { phase, done, total, module } = job.progress;
  const share = total > 0 ? done / total : 0;
  const counted = IN_BYTES.includes(phase)
    ? `${bytesInWords(done)}${total > 0 ? ` of ${bytesInWords(total)}` : ''}`
    : `${done.toLocaleString('en')} of ${total.toLocaleString('en')} modules`;
  const cancel = () =>
    post(`/v1/jobs/${job.id}/cancel`).catch((error: unknown) => setProblem(problemOf(error)));
  return (
    <div class="job-progress">
      <p class="row spread">
        {/* The phase only: every module of it would be too much to be read out. */}
        <span role="status">{PHASE_WORDS[phase]}</span>
        <span class="note">{total > 0 && counted}</span>
      </p>
      <Bar share={(ORDER.indexOf(phase) - 1 + share) / (ORDER.length - 2)} label="Job" />
      <p class="row spread">
        <code class="note ellipsis">{module ?? ' '}</code>
        <button type="button" onClick={cancel}>
          Cancel
        </button>
      </p>
      <ProblemNote problem={problem} />
    </div>
  );
}
