import type { ComponentChildren } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';
import type { Scope } from '../../../src/contract/key.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { hasScope } from '../state/access.ts';
import { ProblemNote } from './problem-note.tsx';

interface ConfirmButtonProps {
  /** The scope that the caller's key needs; without it the button is not shown. */
  readonly scope: Scope;
  /** The text of the button and of the one that confirms: "Delete". */
  readonly verb: string;
  /** The accessible name, where the verb alone does not name the object: "Delete the adapter gpt2". */
  readonly label?: string;
  /** The question to confirm: "Delete this adapter?". */
  readonly question: string;
  /** The consequences of the action. */
  readonly children: ComponentChildren;
  readonly onConfirm: () => Promise<unknown>;
}

/**
 * A button for an action that cannot be undone: it asks first, and shows next to it why the action was
 * refused.
 */
export function ConfirmButton({ scope, verb, label, question, children, onConfirm }: ConfirmButtonProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  if (!hasScope(scope)) return null;
  const confirm = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await onConfirm();
      dialog.current?.close();
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(false);
  };
  return (
    <>
      <button
        type="button"
        class="danger"
        aria-label={label}
        onClick={() => {
          setProblem(null);
          dialog.current!.showModal();
        }}
      >
        {verb}
      </button>
      <dialog ref={dialog} aria-labelledby={id} class="panel">
        <h2 id={id}>{question}</h2>
        <div>{children}</div>
        <ProblemNote problem={problem} />
        <div class="row end">
          <button type="button" onClick={() => dialog.current!.close()}>
            Cancel
          </button>
          <button type="button" class="danger filled" disabled={isBusy} onClick={() => void confirm()}>
            {verb}
          </button>
        </div>
      </dialog>
    </>
  );
}
