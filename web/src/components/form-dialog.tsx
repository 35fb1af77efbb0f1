import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Scope } from '../../../src/contract/key.ts';
import { hasScope } from '../state/access.ts';
import { Form, type FormValues } from './form.tsx';

interface FormDialogProps {
  /** The scope that the caller's key needs; without it the button is absent. */
  readonly scope: Scope;
  /** The text of the button that opens the dialog. */
  readonly opener: string;
  readonly class?: string;
  readonly title: string;
  /** Whether the dialog is open when its page is opened. */
  readonly isOpenAtFirst?: boolean | undefined;
  readonly submit: string;
  /** The dialog closes when this has succeeded. */
  readonly onSubmit: (entered: FormValues) => Promise<unknown>;
  readonly children: ComponentChildren;
}

/** A form in a dialog, which a button opens. */
export function FormDialog(props: FormDialogProps) {
  const { scope, opener, class: name, title, isOpenAtFirst, submit, onSubmit, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const open = () => {
    setOpen(true);
    dialog.current!.showModal();
  };
  const isAllowed = hasScope(scope);
  useEffect(() => {
    if (isOpenAtFirst && isAllowed) open();
  }, [isAllowed]);
  if (!isAllowed) return null;
  return (
    <>
      <button type="button" class={name} onClick={open}>
        {opener}
      </button>
      <dialog ref={dialog} aria-labelledby={id} class="panel" onClose={() => setOpen(false)}>
        <div class="panel-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="quiet icon" aria-label="Close" onClick={() => dialog.current!.close()}>
            ×
          </button>
        </div>
        {/* The content is mounted when the dialog opens, so that its data is loaded only then. */}
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
