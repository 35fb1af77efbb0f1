import type { Problem } from '../api/problem.ts';
import { fieldsNamedIn } from '../text/field-labels.ts';

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

/**
 * A problem: its title, its reason with what the page calls the fields in it, and the code under which the
 * documentation explains it.
 */
export const ProblemBox = ({ problem, onAgain }: ProblemBoxProps) => (
  <div class="problem">
    <strong>{problem.title}</strong>
    <p>{problem.detail}</p>
    <Fields message={problem.detail} />
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

/** The service names the fields of its API, which have labels on the page. */
function Fields({ message }: { message: string }) {
  const named = [...fieldsNamedIn(message)];
  if (named.length === 0) return null;
  return (
    <p class="note">
      On the page,{' '}
      {named.map(([name, label], index) => (
        <>
          {index > 0 && (index === named.length - 1 ? ' and ' : ', ')}
          <code>{name}</code> is {label}
        </>
      ))}
      .
    </p>
  );
}
