import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Scope } from '../../../src/contract/key.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { may } from '../state/access.ts';
import { ProblemNote } from './problem-note.tsx';

interface ActionButtonProps {
  /** What the caller's key needs; without it there is no button. */
  readonly scope: Scope;
  readonly onAct: () => Promise<unknown>;
  readonly class?: string;
  /** Where the words on it do not suffice by themselves. */
  readonly label?: string;
  readonly children: ComponentChildren;
}

/** A button that asks the service for something, and says at its place why that was refused. */
export function ActionButton({ scope, onAct, class: name, label, children }: ActionButtonProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  if (!may(scope)) return null;
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
