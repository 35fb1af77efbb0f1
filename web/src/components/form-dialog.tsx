import type { ComponentChildren } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';
import type { Scope } from '../../../src/contract/key.ts';
import { may } from '../state/access.ts';
import { type Entered, Form } from './form.tsx';

interface FormDialogProps {
  /** The scope that the caller's key needs; without it the button is absent. */
  readonly scope: Scope;
  /** What the button that opens it says. */
  readonly opener: string;
  readonly class?: string;
  readonly title: string;
  readonly submit: string;
  /** The dialog closes when it is done. */
  readonly onSubmit: (entered: Entered) => Promise<unknown>;
  readonly children: ComponentChildren;
}

/** A form in a dialog, behind a button. */
export function FormDialog(props: FormDialogProps) {
  const { scope, opener, class: name, title, submit, onSubmit, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  if (!may(scope)) return null;
  return (
    <>
      <button
        type="button"
        class={name}
        onClick={() => {
          setOpen(true);
          dialog.current!.showModal();
        }}
      >
        {opener}
      </button>
      <dialog ref={dialog} aria-labelledby={id} class="panel" onClose={() => setOpen(false)}>
        <div class="panel-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="quiet icon" aria-label="Close" onClick={() => dialog.current!.close()}>
            ×
          </button>
        </div>
        {/* What was loaded for it is loaded when it is opened. */}
        {isOpen && (
          <Form
            submit={submit}
            onSubmit={async (entered) => {
              await onSubmit(entered);
              dialog.current?.close();
            }}
          >
            {children}
          </Form>
        )}
      </dialog>
    </>
  );
}
