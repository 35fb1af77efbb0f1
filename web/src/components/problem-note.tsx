import type { Problem } from '../api/problem.ts';

interface ProblemNoteProps {
  readonly problem: Pick<Problem, 'title' | 'detail' | 'code'> | null;
  readonly onAgain?: (() => void) | undefined;
}

/** A problem shown where it occurred and announced at once by screen readers. */
export const ProblemNote = ({ problem, onAgain }: ProblemNoteProps) => (
  <div role="alert">{problem && <ProblemBox problem={problem} onAgain={onAgain} />}</div>
);

interface ProblemBoxProps extends ProblemNoteProps {
  readonly problem: NonNullable<ProblemNoteProps['problem']>;
}

/** A problem: its title, its reason, and the code under which the documentation explains it. */
export const ProblemBox = ({ problem, onAgain }: ProblemBoxProps) => (
  <div class="problem">
    <strong>{problem.title}</strong>
    <p>{problem.detail}</p>
    <p class="problem-foot">
      <code>{problem.code}</code>
      {onAgain && (
        <button type="button" onClick={onAgain}>
          Try again
        </button>
      )}
    </p>
  </div>
);
