import type { ComponentChildren } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';
import type { Scope } from '../../../src/contract/key.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { may } from '../state/access.ts';
import { ProblemNote } from './problem-note.tsx';

interface ConfirmButtonProps {
  /** What the caller's key needs; without it there is no button. */
  readonly scope: Scope;
  /** What the button and the one that confirms it say: "Delete". */
  readonly verb: string;
  /** Where the verb does not say of what: "Delete the adapter gpt2". */
  readonly label?: string;
  /** What is asked: "Delete this adapter?". */
  readonly question: string;
  /** What follows from it. */
  readonly children: ComponentChildren;
  readonly onConfirm: () => Promise<unknown>;
}

/** A button for what cannot be undone: it asks first, and says in place why it was refused. */
export function ConfirmButton({ scope, verb, label, question, children, onConfirm }: ConfirmButtonProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  if (!may(scope)) return null;
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
