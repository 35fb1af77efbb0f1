import type { Problem } from '../api/problem.ts';
import { ProblemNote } from './problem-note.tsx';

interface FailedPageProps {
  /** The title that the page would have had. */
  readonly title: string;
  readonly problem: Problem;
  readonly onAgain?: () => void;
}

/** A page whose content could not be loaded. */
export function FailedPage({ title, problem, onAgain }: FailedPageProps) {
  return (
    <div class="stack">
      <h1>{title}</h1>
      <ProblemNote problem={problem} onAgain={onAgain} />
    </div>
  );
}
