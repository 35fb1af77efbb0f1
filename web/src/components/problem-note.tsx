import type { Problem } from '../api/problem.ts';

interface ProblemNoteProps {
  readonly problem: Pick<Problem, 'title' | 'detail' | 'code'> | null;
  readonly onAgain?: (() => void) | undefined;
}

/** A refusal where it belongs: what, why, and the code to look it up by. */
export function ProblemNote({ problem, onAgain }: ProblemNoteProps) {
  return (
    <div role="alert">
      {problem && (
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
      )}
    </div>
  );
}
