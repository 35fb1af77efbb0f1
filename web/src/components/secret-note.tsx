import { useEffect, useRef, useState } from 'preact/hooks';

interface SecretNoteProps {
  /** The name of the secret, such as "The key". */
  readonly title: string;
  readonly secret: string;
  readonly onDone: () => void;
}

/** A secret that is shown only once and has to be copied now. */
export function SecretNote({ title, secret, onDone }: SecretNoteProps) {
  const [isCopied, setCopied] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current!.select(), [secret]);
  const copy = async () => {
    field.current!.select();
    // Pages that are not served over https have no clipboard; there the text is selected for copying by
    // keyboard.
    await navigator.clipboard?.writeText(secret);
    setCopied(navigator.clipboard !== undefined);
  };
  return (
    <div class="secret" role="alert">
      <strong>{title}. Copy it now: it is not shown again.</strong>
      <div class="row">
        <input ref={field} readOnly value={secret} aria-label={title} class="grow" />
        <button type="button" class="primary" onClick={() => void copy()}>
          {isCopied ? 'Copied' : 'Copy'}
        </button>
        <button type="button" onClick={onDone}>
          Done
        </button>
      </div>
    </div>
  );
}
