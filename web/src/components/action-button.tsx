import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Scope } from '../../../src/contract/key.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { hasScope } from '../state/access.ts';
import { ProblemNote } from './problem-note.tsx';

interface ActionButtonProps {
  /** The scope that the caller's key needs; without it the button is not shown. */
  readonly scope: Scope;
  readonly onAct: () => Promise<unknown>;
  readonly class?: string;
  /** The accessible name, where the visible text is not enough on its own. */
  readonly label?: string;
  readonly children: ComponentChildren;
}

/**
 * A button that sends a request to the service and, if the request is refused, shows the reason next to it.
 */
export function ActionButton({ scope, onAct, class: name, label, children }: ActionButtonProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  if (!hasScope(scope)) return null;
  const act = async () => {
    setProblem(null);
    setBusy(true);
    try {
      await onAct();
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" class={name} aria-label={label} disabled={isBusy} onClick={() => void act()}>
        {children}
      </button>
      <ProblemNote problem={problem} />
    </>
  );
}
